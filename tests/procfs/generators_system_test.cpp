#include "tests/procfs/views.hpp"

namespace proctor::tests {

using procfs::View;

TEST_CASE("/proc/diskstats and /proc/partitions: no device") {
  CHECK(generate("/proc/diskstats", limited(), eight_cpus()) == "");
  CHECK(generate("/proc/partitions", limited(), eight_cpus()) == "major minor  #blocks  name\n\n");
}

TEST_CASE("the stated host name is in every file that has one") {
  for (const char* path : {"/etc/hostname", "/proc/sys/kernel/hostname"}) {
    CHECK(generate(path, limited(), two_cpus()) == "sandbox\n");
    CHECK(generate(path, limited(), "") == "sandbox\n");
  }
}

TEST_CASE("/etc/hosts: the stated host name has an address, once") {
  const std::string host(text_of(eight_cpus(), "/etc/hosts"));
  View view = limited();
  CHECK(generate("/etc/hosts", view, host) == "127.0.1.1\tsandbox\n" + host);
  CHECK(generate("/etc/hosts", view, "") == "127.0.1.1\tsandbox\n");
  const std::string once = generate("/etc/hosts", view, host);
  CHECK(generate("/etc/hosts", view, once) == once);
  for (const char* name : {"build-8", "build-8.example.org", "Build-8", "ip6-localhost"}) {
    view.limits.hostname = name;
    CAPTURE(name);
    CHECK(generate("/etc/hosts", view, host) == host);
  }
  // Neither an address, nor a comment, nor a part of a name is a name.
  for (const char* name : {"10.1.2.3", "this", "build", "example.org"}) {
    view.limits.hostname = name;
    CAPTURE(name);
    CHECK(generate("/etc/hosts", view, host) == std::string("127.0.1.1\t") + name + "\n" + host);
  }
}

TEST_CASE("/proc/sys/kernel/threads-max: the stated number of processes") {
  CHECK(generate("/proc/sys/kernel/threads-max", limited(), two_cpus()) == "64\n");
}

TEST_CASE("/proc/sys/kernel/ns_last_pid: the sandbox's youngest") {
  CHECK(generate("/proc/sys/kernel/ns_last_pid", limited(), two_cpus()) == "1205\n");
}

TEST_CASE("counts of what the whole machine has are 0") {
  CHECK(generate("/proc/sys/fs/file-nr", limited(), own_files()) == "0\t0\t2466186\n");
  CHECK(generate("/proc/sys/fs/inode-state", limited(), own_files()) == "0\t0\t0\t0\t0\t0\t0\n");
  CHECK(generate("/proc/sys/kernel/pty/nr", limited(), own_files()) == "0\n");
  CHECK(generate("/proc/sys/net/netfilter/nf_conntrack_count", limited(), own_files()) == "0\n");
}

}  // namespace proctor::tests
