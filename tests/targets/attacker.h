// What the files of the attacker share. Each attack is a function that gets its own arguments (argv[0] is the
// attack's name), prints lines `name value` for the driver, and returns the exit status.
#pragma once

#include <stdbool.h>

typedef int attack_main(int argc, char** argv);

attack_main race_paths, exec_in_the_middle, recycled_pid;                            // attacker_races.c
attack_main at_processes, at_the_kernel, stacked_filters, broadcast;                 // attacker_calls.c
attack_main hostile_arguments, spell_paths, hostile_listings, hostile_capabilities;  // attacker_arguments.c
attack_main alarm_storm, stop_storm, kill_storm, flood, out_of_descriptors;          // attacker_storms.c
attack_main moving_orphans, affinity_over_exec;                                      // attacker_trees.c
attack_main forged_names, rewind_race, rewound_tables;                               // attacker_virtual.c
attack_main paths_by_all_calls;                                                      // attacker_paths.c
attack_main own_tables, escape_the_end, fork_bomb, without_supervisor, as_victim;    // attacker_processes.c

/// Prints the error message and ends the program: a test must not go on half set up.
void die(const char* what);

/// Seconds of the monotonic clock.
double now_s(void);

/// Whether `secret` is in the beginning of the file behind `fd`; what was read then counts as foreign. Closes
/// it.
bool reads_secret(int fd, const char* secret);

/// The same of what is open, from its beginning; it stays open.
bool shows_secret(int fd, const char* secret);

/// How many bytes of files with the secret were read.
extern long foreign_bytes;

/// Reads a line of standard input; nothing of it is needed but that it came.
void await_line(void);

/// The errno of a raw call's result, or 0.
int error_of(long result);
