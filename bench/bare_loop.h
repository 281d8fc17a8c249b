#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/// What the bare loop does between RECV and SEND.
enum bare_work {
  bare_answer = 0,     ///< nothing
  bare_read_path = 1,  ///< reads 256 bytes at the second argument through a cached /proc/PID/mem
};

/// The least a supervisor can do, in C: RECV, maybe a read, SEND with CONTINUE, until the last target is
/// gone. `mem_fd` is the target's /proc/PID/mem. Zeroes its buffer each time, as the kernel demands.
void run_bare_loop(int listener, int mem_fd, const volatile int* work);

#ifdef __cplusplus
}
#endif
