#define _GNU_SOURCE
#include "bench/bare_loop.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void run_bare_loop(int listener, int mem_fd, const volatile int* work) {
  struct seccomp_notif notification;
  struct seccomp_notif_resp response;
  char path[256];
  for (;;) {
    memset(&notification, 0, sizeof notification);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) != 0) {
      struct pollfd end = {.fd = listener, .events = POLLIN};
      if (errno == EINTR) continue;
      poll(&end, 1, 0);
      if (end.revents & POLLHUP) return;
      continue;
    }
    if (*work == bare_read_path && pread(mem_fd, path, sizeof path, (off_t)notification.data.args[1]) <= 0)
      path[0] = 0;
    memset(&response, 0, sizeof response);
    response.id = notification.id;
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
}
