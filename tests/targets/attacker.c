// The attacker: a program that a sandbox shall hold. It is run bare, behind the naive gate, and under
// proctor; what must hold is in tests/attacks.
#define _GNU_SOURCE
#include "attacker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
  const char* name;
  attack_main* run;
} attacks[] = {
    {"race", race_paths},
    {"exec", exec_in_the_middle},
    {"recycled", recycled_pid},
    {"processes", at_processes},
    {"kernel", at_the_kernel},
    {"filters", stacked_filters},
    {"broadcast", broadcast},
    {"arguments", hostile_arguments},
    {"spell", spell_paths},
    {"listings", hostile_listings},
    {"capabilities", hostile_capabilities},
    {"alarms", alarm_storm},
    {"stops", stop_storm},
    {"kills", kill_storm},
    {"flood", flood},
    {"descriptors", out_of_descriptors},
    {"tables", own_tables},
    {"paths", paths_by_all_calls},
    {"forged", forged_names},
    {"rewinds", rewind_race},
    {"rewound-tables", rewound_tables},
    {"escape", escape_the_end},
    {"bomb", fork_bomb},
    {"orphans", moving_orphans},
    {"exec-affinity", affinity_over_exec},
    {"quiet", without_supervisor},
    {"victim", as_victim},
};

void die(const char* what) {
  fprintf(stderr, "attacker: %s: %s\n", what, strerror(errno));
  exit(99);
}

double now_s(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

long foreign_bytes;

bool shows_secret(int fd, const char* secret) {
  char text[4096];
  const ssize_t length = pread(fd, text, sizeof text, 0);
  if (length <= 0 || memmem(text, (size_t)length, secret, strlen(secret)) == NULL) return false;
  foreign_bytes += length;
  return true;
}

bool reads_secret(int fd, const char* secret) {
  if (fd < 0) return false;
  const bool shown = shows_secret(fd, secret);
  close(fd);
  return shown;
}

void await_line(void) {
  char byte = 0;
  while (read(0, &byte, 1) == 1 && byte != '\n') {
  }
}

int error_of(long result) { return result < 0 ? errno : 0; }

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; argc > 1 && i < sizeof attacks / sizeof *attacks; ++i)
    if (strcmp(attacks[i].name, argv[1]) == 0) return attacks[i].run(argc - 1, argv + 1);
  fprintf(stderr, "attacker: which attack?\n");
  return 98;
}
