#include "kernel/block_signals.hpp"

namespace proctor::kernel {

sigset_t block_all_signals() noexcept {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  return before;
}

}  // namespace proctor::kernel
