#pragma once

namespace proctor::launch {

/// Ends every descendant of the calling process, which is a subreaper, and reaps those that become its
/// children; returns when there is none left (ECHILD): exact. Blocks for as long as the kernel takes to
/// end them. Nothing else in the process may wait for children meanwhile.
///
/// Why no process group, no session? A target leaves those at will; its ancestry it cannot leave.
void end_tree();

}  // namespace proctor::launch
