#pragma once

#include <string>
#include <vector>

#include "messages/supervisor.hpp"

namespace proctor::actors {

/// The reply to a list request, one line: {"reply":"list","sandboxes":[...]}.
[[nodiscard]] std::string list_reply(const std::vector<messages::SandboxDescriptionPtr>& sandboxes);

/// The reply to an inspect request, one line: {"reply":"inspect","sandbox":{...}}.
[[nodiscard]] std::string inspect_reply(const messages::SandboxDescription& sandbox,
                                        const std::vector<std::string>& features);

}  // namespace proctor::actors
