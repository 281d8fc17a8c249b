#include "tests/procfs/samples.hpp"

namespace proctor::tests {

// Written after a server with two NUMA nodes, Linux 5.15 with cgroups of both versions.
const Machine& eight_cpus() {
  static const Machine files = {
      {"/etc/hostname", R"text(build-8
)text"},
      {"/etc/hosts", R"text(# local names
127.0.0.1	localhost
::1	localhost ip6-localhost
10.1.2.3	build-8.example.org build-8	# this one
)text"},
      {"/proc/PID/cgroup", R"text(0::/user.slice/user-1000.slice/session-4.scope
)text"},
      {"/proc/PID/sched", R"text(make (1200, #threads: 1)
-------------------------------------------------------------------
se.exec_start                                :      91239671.756415
nr_switches                                  :                  911
policy                                       :                    0
prio                                         :                  120
mm->numa_scan_seq                            :                    7
numa_pages_migrated                          :                   12
numa_preferred_nid                           :                    1
total_numa_faults                            :                  431
current_node=1, numa_group_id=1177
numa_faults node=0 task_private=0 task_shared=3 group_private=0 group_shared=41
numa_faults node=1 task_private=2 task_shared=9 group_private=1 group_shared=88
)text"},
      {"/proc/PID/stat",
       R"text(1200 (make) S 1180 1200 1177 34817 1200 4194304 2204 81713 3 17 11 4 402 98 20 0 1 0 9123001 9437184 811 18446744073709551615 94600 94800 140720 0 0 0 0 4096 65536 1 0 0 17 5 0 0 0 0 0 95000 95100 95200 140721 140722 140722 140723 0
)text"},
      {"/proc/PID/status", R"text(Name:	make
Umask:	0022
State:	S (sleeping)
Tgid:	1200
Ngid:	1177
Pid:	1200
PPid:	1180
TracerPid:	999
Uid:	1000	1000	1000	1000
Gid:	1000	1000	1000	1000
FDSize:	64
Groups:	24 27 1000 
NStgid:	1200	7
NSpid:	1200	7
NSpgid:	1180	1
NSsid:	1177	1
VmPeak:	    9216 kB
VmRSS:	    3244 kB
Threads:	1
SigQ:	1/63432
SigPnd:	0000000000000200
CapEff:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
Cpus_allowed:	ff
Cpus_allowed_list:	0-7
Mems_allowed_list:	0-1
voluntary_ctxt_switches:	813
nonvoluntary_ctxt_switches:	98
)text"},
      {"/proc/PID/timers", R"text(ID: 0
signal: 14/0000000000000000
notify: signal/pid.1200
ClockID: 1
ID: 1
signal: 34/00007f0a3c000b60
notify: thread/tid.1205
ClockID: 0
ID: 2
signal: 0/0000000000000000
notify: none/pid.999
ClockID: 7
)text"},
      {"/proc/buddyinfo",
       R"text(Node 0, zone      DMA      1      0      0      1      2      1      1      0      1      1      3 
Node 0, zone    DMA32    759    572    791    475    194     45     12      0      0      0      0 
Node 0, zone   Normal 11234567   1114     41      2      3      4      5      6      7      8      9 
Node 1, zone   Normal   4381   1093    185   1530    567    102      4      0      0      0      0 
)text"},
      {"/proc/cgroups", R"text(#subsys_name	hierarchy	num_cgroups	enabled
cpuset	5	77	1
cpu	3	212	1
cpuacct	3	212	1
blkio	9	212	1
memory	7	341	1
devices	4	212	1
freezer	6	78	1
net_cls	10	77	1
perf_event	2	77	1
pids	8	219	1
rdma	11	1	1
hugetlb	0	1	0
)text"},
      {"/proc/cpuinfo", R"text(processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 85
model name	: Intel(R) Xeon(R) Silver 4208 CPU @ 2.10GHz
stepping	: 7
cpu MHz		: 800.000
cache size	: 11264 KB
physical id	: 0
siblings	: 8
core id		: 0
cpu cores	: 4
apicid		: 0
fpu		: yes
flags		: fpu vme de pse tsc msr pae mce
bugs		: spectre_v1 spectre_v2
bogomips	: 4200.00
address sizes	: 46 bits physical, 48 bits virtual
power management:

processor	: 1
vendor_id	: GenuineIntel
cpu family	: 6
model		: 85
model name	: Intel(R) Xeon(R) Silver 4208 CPU @ 2.10GHz
stepping	: 7
cpu MHz		: 837.131
cache size	: 11264 KB
physical id	: 0
siblings	: 8
core id		: 1
cpu cores	: 4
apicid		: 2
fpu		: yes
flags		: fpu vme de pse tsc msr pae mce
bugs		: spectre_v1 spectre_v2
bogomips	: 4200.00
address sizes	: 46 bits physical, 48 bits virtual
power management:

processor	: 2
vendor_id	: GenuineIntel
cpu family	: 6
model		: 85
model name	: Intel(R) Xeon(R) Silver 4208 CPU @ 2.10GHz
stepping	: 7
cpu MHz		: 874.262
cache size	: 11264 KB
physical id	: 0
siblings	: 8
core id		: 2
cpu cores	: 4
apicid		: 4
fpu		: yes
flags		: fpu vme de pse tsc msr pae mce
bugs		: spectre_v1 spectre_v2
bogomips	: 4200.00
address sizes	: 46 bits physical, 48 bits virtual
power management:

processor	: 3
vendor_id	: GenuineIntel
cpu family	: 6
model		: 85
model name	: Intel(R) Xeon(R) Silver 4208 CPU @ 2.10GHz
stepping	: 7
cpu MHz		: 911.393
cache size	: 11264 KB
physical id	: 0
siblings	: 8
core id		: 3
cpu cores	: 4
apicid		: 6
fpu		: yes
flags		: fpu vme de pse tsc msr pae mce
bugs		: spectre_v1 spectre_v2
bogomips	: 4200.00
address sizes	: 46 bits physical, 48 bits virtual
power management:

processor	: 4
vendor_id	: GenuineIntel
cpu family	: 6
model		: 85
model name	: Intel(R) Xeon(R) Silver 4208 CPU @ 2.10GHz
stepping	: 7
cpu MHz		: 948.524
cache size	: 11264 KB
physical id	: 0
siblings	: 8
core id		: 0
cpu cores	: 4
apicid		: 8
fpu		: yes
flags		: fpu vme de pse tsc msr pae mce
bugs		: spectre_v1 spectre_v2
bogomips	: 4200.00
address sizes	: 46 bits physical, 48 bits virtual
power management:

processor	: 5
vendor_id	: GenuineIntel
cpu family	: 6
model		: 85
model name	: Intel(R) Xeon(R) Silver 4208 CPU @ 2.10GHz
stepping	: 7
cpu MHz		: 985.655
cache size	: 11264 KB
physical id	: 0
siblings	: 8
core id		: 1
cpu cores	: 4
apicid		: 10
fpu		: yes
flags		: fpu vme de pse tsc msr pae mce
bugs		: spectre_v1 spectre_v2
bogomips	: 4200.00
address sizes	: 46 bits physical, 48 bits virtual
power management:

processor	: 6
vendor_id	: GenuineIntel
cpu family	: 6
model		: 85
model name	: Intel(R) Xeon(R) Silver 4208 CPU @ 2.10GHz
stepping	: 7
cpu MHz		: 1022.786
cache size	: 11264 KB
physical id	: 0
siblings	: 8
core id		: 2
cpu cores	: 4
apicid		: 12
fpu		: yes
flags		: fpu vme de pse tsc msr pae mce
bugs		: spectre_v1 spectre_v2
bogomips	: 4200.00
address sizes	: 46 bits physical, 48 bits virtual
power management:

processor	: 7
vendor_id	: GenuineIntel
cpu family	: 6
model		: 85
model name	: Intel(R) Xeon(R) Silver 4208 CPU @ 2.10GHz
stepping	: 7
cpu MHz		: 1059.917
cache size	: 11264 KB
physical id	: 0
siblings	: 8
core id		: 3
cpu cores	: 4
apicid		: 14
fpu		: yes
flags		: fpu vme de pse tsc msr pae mce
bugs		: spectre_v1 spectre_v2
bogomips	: 4200.00
address sizes	: 46 bits physical, 48 bits virtual
power management:

)text"},
      {"/proc/diskstats",
       R"text(   8       0 sda 810451 31120 61402154 410233 1200345 881233 99121340 1901212 0 981223 2311445 0 0 0 0 8812 1223
   8       1 sda1 810211 31120 61391010 410100 1199012 881233 99121340 1899910 0 981001 2310010 0 0 0 0 0 0
)text"},
      {"/proc/interrupts",
       R"text(           CPU0       CPU1       CPU2       CPU3       CPU4       CPU5       CPU6       CPU7       
  0:         41          0          0          0          0          0          0          0  IO-APIC    2-edge      timer
  8:          0          0          0          0          1          0          0          0  IO-APIC    8-edge      rtc0
123: 4294967295 4294967295 4294967295 4294967295 4294967295 4294967295 4294967295 4294967295  PCI-MSI 524288-edge      nvme0q0, nvme0q1
NMI:         71         28       8785      42542     166299     190056     213813     237570   Non-maskable interrupts
LOC:         85        380       7975      37570     277165     316760     356355     395950   Local timer interrupts
THR:          0          0          0          0          0          0          0          0   Threshold APIC interrupts
ERR:          3
MIS:          7
PIW:          0          0          0          0          0          0          0          0   Posted-interrupt wakeup event
)text"},
      {"/proc/loadavg", R"text(3.41 2.05 1.77 5/1204 51234
)text"},
      {"/proc/locks", R"text(1: POSIX  ADVISORY  WRITE 999 08:01:2531452 0 EOF
1: -> POSIX  ADVISORY  WRITE 1200 08:01:2531452 0 EOF
2: FLOCK  ADVISORY  WRITE 1200 08:01:2531448 0 EOF
2: -> FLOCK  ADVISORY  WRITE 1205 08:01:2531448 0 EOF
2:  -> FLOCK  ADVISORY  WRITE 999 08:01:2531448 0 EOF
2:   -> FLOCK  ADVISORY  WRITE 1200 08:01:2531448 0 EOF
2: -> FLOCK  ADVISORY  WRITE 1200 08:01:2531448 0 EOF
3: OFDLCK ADVISORY  READ -1 00:06:513 0 0
4: LEASE  ACTIVE    READ 1180 08:01:131 0 EOF
5: DELEG  BREAKING  READ 1205 08:01:132 0 EOF
6: POSIX  *NOINODE* UNLCK 1205 <none>:0 128 191
)text"},
      {"/proc/meminfo", R"text(MemTotal:       263856724 kB
MemFree:        131072004 kB
MemAvailable:   201326592 kB
Buffers:         2097152 kB
Cached:         62914560 kB
SwapCached:         1024 kB
Active:         41943040 kB
Inactive:       52428800 kB
Active(anon):   10485760 kB
Inactive(anon): 20971520 kB
Active(file):   31457280 kB
Inactive(file): 31457280 kB
Unevictable:          16 kB
Mlocked:              16 kB
SwapTotal:       8388604 kB
SwapFree:        8380412 kB
Dirty:              1204 kB
Writeback:             0 kB
AnonPages:      29360128 kB
Mapped:          1048576 kB
Shmem:           2097152 kB
KReclaimable:    4194304 kB
Slab:            6291456 kB
SReclaimable:    4194304 kB
SUnreclaim:      2097152 kB
KernelStack:       32768 kB
PageTables:       131072 kB
NFS_Unstable:          0 kB
Bounce:                0 kB
WritebackTmp:          0 kB
CommitLimit:    140316964 kB
Committed_AS:   62914560 kB
VmallocTotal:   34359738367 kB
VmallocUsed:      262144 kB
VmallocChunk:          0 kB
Percpu:            98304 kB
HardwareCorrupted:     0 kB
AnonHugePages:   2097152 kB
ShmemHugePages:        0 kB
ShmemPmdMapped:        0 kB
FileHugePages:         0 kB
FilePmdMapped:         0 kB
CmaTotal:              0 kB
CmaFree:               0 kB
HugePages_Total:      16
HugePages_Free:       12
HugePages_Rsvd:        0
HugePages_Surp:        0
Hugepagesize:       2048 kB
Hugetlb:           32768 kB
DirectMap4k:     1171264 kB
DirectMap2M:    41639936 kB
DirectMap1G:    227540992 kB
)text"},
      {"/proc/partitions", R"text(major minor  #blocks  name

   8        0  976762584 sda
   8        1  976761560 sda1
)text"},
      {"/proc/pressure/cpu", R"text(some avg10=4.12 avg60=2.90 avg300=1.01 total=981726354
full avg10=0.13 avg60=0.07 avg300=0.00 total=1726354
)text"},
      {"/proc/pressure/io", R"text(some avg10=4.12 avg60=2.90 avg300=1.01 total=981726354
full avg10=0.13 avg60=0.07 avg300=0.00 total=1726354
)text"},
      {"/proc/pressure/irq", R"text(full avg10=0.01 avg60=0.00 avg300=0.00 total=82233
)text"},
      {"/proc/pressure/memory", R"text(some avg10=4.12 avg60=2.90 avg300=1.01 total=981726354
full avg10=0.13 avg60=0.07 avg300=0.00 total=1726354
)text"},
      {"/proc/schedstat", R"text(version 15
timestamp 4317289341
cpu0 0 0 081231 9912 77123 4123 9128374650 8127364 7710
domain0 11 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
domain1 ff 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
cpu1 0 0 181231 9912 77123 4123 9128374651 8127364 7711
domain0 22 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
domain1 ff 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
cpu2 0 0 281231 9912 77123 4123 9128374652 8127364 7712
domain0 44 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
domain1 ff 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
cpu3 0 0 381231 9912 77123 4123 9128374653 8127364 7713
domain0 88 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
domain1 ff 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
cpu4 0 0 481231 9912 77123 4123 9128374654 8127364 7714
domain0 11 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
domain1 ff 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
cpu5 0 0 581231 9912 77123 4123 9128374655 8127364 7715
domain0 22 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
domain1 ff 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
cpu6 0 0 681231 9912 77123 4123 9128374656 8127364 7716
domain0 44 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
domain1 ff 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
cpu7 0 0 781231 9912 77123 4123 9128374657 8127364 7717
domain0 88 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
domain1 ff 81 80 1 0 0 0 0 80 3 3 0 0 0 0 0 3 9 8 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 12 0 0
)text"},
      {"/proc/softirqs",
       R"text(                    CPU0       CPU1       CPU2       CPU3       CPU4       CPU5       CPU6       CPU7       
          HI:         57        676       9595      47514      55433      63352      71271      79190
       TIMER:         14        352       9190      95028     110866     126704     142542     158380
      NET_TX:         71         28       8785      42542     166299     190056     213813     237570
      NET_RX:         28        704       8380      90056     221732     253408     285084     316760
       BLOCK:         85        380       7975      37570     277165     316760     356355     395950
    IRQ_POLL:         42         56       7570      85084     332598     380112     427626     475140
     TASKLET:         99        732       7165      32598     388031     443464     498897     554330
       SCHED:         56        408       6760      80112     443464     506816     570168     633520
     HRTIMER:         13         84       6355      27626     498897     570168     641439     712710
         RCU:         70        760       5950      75140     554330     633520     712710     791900
)text"},
      {"/proc/stat", R"text(cpu  9812733 2712 1827364 771625344 91822 0 8123 0 0 0
cpu0 1226590 339 228420 96453160 11477 0 1010 0 0 0
cpu1 1226591 339 228421 96453161 11477 0 1011 0 0 0
cpu2 1226592 339 228422 96453162 11477 0 1012 0 0 0
cpu3 1226593 339 228423 96453163 11477 0 1013 0 0 0
cpu4 1226594 339 228424 96453164 11477 0 1014 0 0 0
cpu5 1226595 339 228425 96453165 11477 0 1015 0 0 0
cpu6 1226596 339 228426 96453166 11477 0 1016 0 0 0
cpu7 1226597 339 228427 96453167 11477 0 1017 0 0 0
intr 918273645 41 0 0 0 0 0 0 0 1
ctxt 5544332211
btime 1700000000
processes 8123451
procs_running 5
procs_blocked 1
softirq 55443322 1 2 3 4 5 6 7 8 9 10
)text"},
      {"/proc/swaps",
       R"text(Filename				Type		Size		Used		Priority
/dev/sda2                               partition	8388604		8192		-2
)text"},
      {"/proc/sys/kernel/hostname", R"text(build-8
)text"},
      {"/proc/sys/kernel/ns_last_pid", R"text(51234
)text"},
      {"/proc/sys/kernel/threads-max", R"text(2061214
)text"},
      {"/proc/uptime", R"text(975231.22 7716253.44
)text"},
      {"/proc/vmstat", R"text(nr_free_pages 32768001
nr_zone_inactive_anon 5242880
nr_zone_active_anon 2621440
nr_mlock 4
numa_hit 99812736451
numa_miss 0
nr_inactive_anon 5242880
nr_active_anon 2621440
nr_inactive_file 7864320
nr_anon_pages 7340032
nr_mapped 262144
nr_file_pages 16252928
nr_dirty 301
nr_dirty_threshold 10044221
pgpgin 981273645
pgpgout 1827364554
pswpin 12
pswpout 2048
pgfault 18273645546
pgmajfault 81233
oom_kill 3
)text"},
      {"/proc/zoneinfo", R"text(Node 0, zone    DMA32
  per-node stats
      nr_inactive_anon 5242880
      nr_mapped    262144
      workingset_refault_file 991
  pages free     3840
        boost    0
        min      31
        low      38
        high     45
        spanned  4095
        present  3998
        managed  3840
        cma      0
        protection: (0, 1819, 128139, 128139, 128139)
      nr_free_pages 3840
      numa_hit     8123
      numa_local   8001
  pagesets
    cpu: 0
              count: 0
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 1
              count: 3
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 2
              count: 6
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 3
              count: 9
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 4
              count: 12
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 5
              count: 15
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 6
              count: 18
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 7
              count: 21
              high:  378
              batch: 63
  vm stats threshold: 84
  node_unreclaimable:  0
  start_pfn:           1
Node 1, zone   Normal
  per-node stats
      nr_inactive_anon 5242880
      nr_mapped    262144
      workingset_refault_file 991
  pages free     3840
        boost    0
        min      31
        low      38
        high     45
        spanned  4095
        present  3998
        managed  3840
        cma      0
        protection: (0, 1819, 128139, 128139, 128139)
      nr_free_pages 3840
      numa_hit     8123
      numa_local   8001
  pagesets
    cpu: 0
              count: 0
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 1
              count: 3
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 2
              count: 6
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 3
              count: 9
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 4
              count: 12
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 5
              count: 15
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 6
              count: 18
              high:  378
              batch: 63
  vm stats threshold: 84
    cpu: 7
              count: 21
              high:  378
              batch: 63
  vm stats threshold: 84
  node_unreclaimable:  0
  start_pfn:           1
)text"},
      {"/sys/devices/system/cpu/offline", R"text(8-15
)text"},
      {"/sys/devices/system/cpu/online", R"text(0-7
)text"},
      {"/sys/devices/system/cpu/possible", R"text(0-15
)text"},
      {"/sys/devices/system/cpu/present", R"text(0-7
)text"},
  };
  return files;
}

}  // namespace proctor::tests
