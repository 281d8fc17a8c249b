#pragma once

#include <map>
#include <string>
#include <string_view>

namespace proctor::tests {

/// What a machine's files held, by their paths in the table of virtual files. A thread's are its process'
/// ones.
using Machine = std::map<std::string_view, std::string_view>;

const Machine& two_cpus();
const Machine& eight_cpus();
/// Files of processes and of their network that the others have not.
const Machine& own_files();

}  // namespace proctor::tests
