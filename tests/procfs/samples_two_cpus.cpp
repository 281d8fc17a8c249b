#include "tests/procfs/samples.hpp"

namespace proctor::tests {

// Captured on a virtual machine, Linux 6.18; long lines and lists are cut to what shows their shape.
const Machine& two_cpus() {
  static const Machine files = {
      {"/etc/hostname", R"text(vm
)text"},
      {"/etc/hosts", R"text(127.0.0.1 localhost
127.0.0.1 vm
)text"},
      {"/proc/PID/cgroup", R"text(4:memory:/group/b3187600
3:cpuset:/
1:cpu:/
0::/
)text"},
      {"/proc/PID/sched", R"text(cat (2617, #threads: 1)
-------------------------------------------------------------------
se.exec_start                                :      15328196.873309
se.vruntime                                  :         55799.431262
se.sum_exec_runtime                          :             1.362399
policy                                       :                    0
prio                                         :                  120
se.slice                                     :              1400000
clock-delta                                  :                  160
mm->numa_scan_seq                            :                    0
numa_pages_migrated                          :                    0
numa_preferred_nid                           :                   -1
total_numa_faults                            :                    0
current_node=0, numa_group_id=0
numa_faults node=0 task_private=0 task_shared=0 group_private=0 group_shared=0
)text"},
      {"/proc/PID/stat",
       R"text(2617 (sleep) S 2574 2571 30474 0 -1 4194304 76 0 0 0 0 0 0 0 20 0 1 0 1540734 2990080 412 18446744073709551615 93962907983872 93962908001801 140735941709248 0 0 0 0 0 0 1 0 0 17 0 0 0 0 0 0 93962908015888 93962908017152 93963005435904 140735941716247 140735941716255 140735941716255 140735941717993 0
)text"},
      {"/proc/PID/status", R"text(Name:	sleep
Umask:	0022
State:	S (sleeping)
Tgid:	2617
Ngid:	0
Pid:	2617
PPid:	2574
TracerPid:	0
Uid:	0	0	0	0
Gid:	0	0	0	0
FDSize:	256
Groups:	 
NStgid:	2617
NSpid:	2617
NSpgid:	2571
NSsid:	30474
Kthread:	0
VmPeak:	    2920 kB
VmSize:	    2920 kB
VmLck:	       0 kB
VmPin:	       0 kB
VmHWM:	    1824 kB
VmRSS:	    1824 kB
RssAnon:	     112 kB
RssFile:	    1712 kB
RssShmem:	       0 kB
VmData:	     224 kB
VmStk:	     132 kB
VmExe:	      20 kB
VmLib:	    1528 kB
VmPTE:	      48 kB
VmSwap:	       0 kB
HugetlbPages:	       0 kB
CoreDumping:	0
THP_enabled:	1
untag_mask:	0xffffffffffffffff
Threads:	1
SigQ:	0/96365
SigPnd:	0000000000000000
ShdPnd:	0000000000000000
SigBlk:	0000000000000000
SigIgn:	0000000000000000
SigCgt:	0000000000000000
CapInh:	0000000000000000
CapPrm:	000001fffeffffff
CapEff:	000001fffeffffff
CapBnd:	000001fffeffffff
CapAmb:	0000000000000000
NoNewPrivs:	0
Seccomp:	0
Seccomp_filters:	0
Speculation_Store_Bypass:	vulnerable
SpeculationIndirectBranch:	always enabled
Cpus_allowed:	3
Cpus_allowed_list:	0-1
Mems_allowed:	1
Mems_allowed_list:	0
voluntary_ctxt_switches:	1
nonvoluntary_ctxt_switches:	0
)text"},
      {"/proc/PID/timers", R"text(ID: 0
signal: 14/0000000000000000
notify: signal/pid.4691
ClockID: 1
)text"},
      {"/proc/buddyinfo",
       R"text(Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3 
Node 0, zone    DMA32      2      2      4      2      5      4      3      3      4      2    752 
Node 0, zone   Normal  18479   8094  12446   5446   3021   1296    581    294    175     48    503 
)text"},
      {"/proc/cgroups", R"text(#subsys_name	hierarchy	num_cgroups	enabled
cpuset	3	1	1
cpu	1	1	1
cpuacct	2	1	1
blkio	7	1	1
memory	4	10	1
devices	5	1	1
freezer	6	1	1
net_cls	0	1	1
perf_event	0	1	1
net_prio	0	1	1
hugetlb	0	1	1
pids	8	1	1
)text"},
      {"/proc/cpuinfo", R"text(processor	: 0
vendor_id	: AuthenticAMD
cpu family	: 25
model		: 1
model name	: AMD EPYC
stepping	: 1
microcode	: 0x1000065
cpu MHz		: 2445.426
cache size	: 512 KB
physical id	: 0
siblings	: 2
core id		: 0
cpu cores	: 2
apicid		: 0
initial apicid	: 0
fpu		: yes
fpu_exception	: yes
cpuid level	: 13
wp		: yes
flags		: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr
bugs		: sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass srso spectre_v2_user
bogomips	: 4890.85
TLB size	: 2560 4K pages
clflush size	: 64
cache_alignment	: 64
address sizes	: 48 bits physical, 48 bits virtual
power management:

processor	: 1
vendor_id	: AuthenticAMD
cpu family	: 25
model		: 1
model name	: AMD EPYC
stepping	: 1
microcode	: 0x1000065
cpu MHz		: 2445.426
cache size	: 512 KB
physical id	: 0
siblings	: 2
core id		: 1
cpu cores	: 2
apicid		: 1
initial apicid	: 1
fpu		: yes
fpu_exception	: yes
cpuid level	: 13
wp		: yes
flags		: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr
bugs		: sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass srso spectre_v2_user
bogomips	: 4890.85
TLB size	: 2560 4K pages
clflush size	: 64
cache_alignment	: 64
address sizes	: 48 bits physical, 48 bits virtual
power management:

)text"},
      {"/proc/diskstats", R"text(   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 254       0 vda 540845 24260 26542066 1954196 82014 37313 78543160 286355 0 123908 2256089 43527 76 63261072 15438 1277 100
)text"},
      {"/proc/interrupts", R"text(           CPU0       CPU1       
 24:          1          0  IO-APIC   5-edge      ACPI:Ged
 25:          0          1  IO-APIC   6-edge      ACPI:Ged
 26:          0         17  IO-APIC   4-edge      ttyS0
 28:          0          0 PCI-MSIX-0000:00:01.0   0-edge      virtio0-config
 29:          0          0 PCI-MSIX-0000:00:01.0   1-edge      virtio0-inflate
 30:          0          0 PCI-MSIX-0000:00:01.0   2-edge      virtio0-deflate
 31:          0       3081 PCI-MSIX-0000:00:01.0   3-edge      virtio0-stats
 32:       1348          0 PCI-MSIX-0000:00:01.0   4-edge      virtio0-reporting_vq
 33:          0          0 PCI-MSIX-0000:00:05.0   0-edge      virtio4-config
 34:        263          0 PCI-MSIX-0000:00:05.0   1-edge      virtio4-input
 35:          0          1 PCI-MSIX-0000:00:02.0   0-edge      virtio1-config
 36:          0     313398 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
 37:          0          0 PCI-MSIX-0000:00:03.0   0-edge      virtio2-config
 38:          0       1055 PCI-MSIX-0000:00:03.0   1-edge      virtio2-input.0
 39:        730          0 PCI-MSIX-0000:00:03.0   2-edge      virtio2-output.0
 40:          0          0 PCI-MSIX-0000:00:04.0   0-edge      virtio3-config
 41:       3706          0 PCI-MSIX-0000:00:04.0   1-edge      virtio3-rx
 42:          0      17210 PCI-MSIX-0000:00:04.0   2-edge      virtio3-tx
 43:          1          0 PCI-MSIX-0000:00:04.0   3-edge      virtio3-event
NMI:          0          0   Non-maskable interrupts
LOC:    3193037    3371011   Local timer interrupts
SPU:          0          0   Spurious interrupts
PMI:          0          0   Performance monitoring interrupts
IWI:     797957     752221   IRQ work interrupts
RTR:          0          0   APIC ICR read retries
RES:     444648     389412   Rescheduling interrupts
CAL:    2260067    2209739   Function call interrupts
TLB:     261293     251736   TLB shootdowns
TRM:          0          0   Thermal event interrupts
HYP:         37         82   Hypervisor callback interrupts
ERR:          0
MIS:          0
PIN:          0          0   Posted-interrupt notification event
NPI:          0          0   Nested posted-interrupt event
PIW:          0          0   Posted-interrupt wakeup event
)text"},
      {"/proc/loadavg", R"text(0.78 1.32 1.18 1/82 4689
)text"},
      {"/proc/locks", R"text(1: POSIX  ADVISORY  WRITE 2625 fe:00:10084370 0 EOF
1: -> POSIX  ADVISORY  WRITE 2626 fe:00:10084370 0 EOF
2: FLOCK  ADVISORY  WRITE 2624 fe:00:10084374 0 EOF
)text"},
      {"/proc/meminfo", R"text(MemTotal:       24684096 kB
MemFree:        22949624 kB
MemAvailable:   24267220 kB
Buffers:            2672 kB
Cached:          1479204 kB
SwapCached:            0 kB
Active:           864692 kB
Inactive:         623916 kB
Active(anon):       1520 kB
Inactive(anon):    13884 kB
Active(file):     863172 kB
Inactive(file):   610032 kB
Unevictable:       13232 kB
Mlocked:           12228 kB
SwapTotal:             0 kB
SwapFree:              0 kB
Zswap:                 0 kB
Zswapped:              0 kB
Dirty:               212 kB
Writeback:             0 kB
AnonPages:         19848 kB
Mapped:            15748 kB
Shmem:              8788 kB
KReclaimable:     131992 kB
Slab:             161700 kB
SReclaimable:     131992 kB
SUnreclaim:        29708 kB
KernelStack:        1344 kB
PageTables:         1436 kB
SecPageTables:         0 kB
NFS_Unstable:          0 kB
Bounce:                0 kB
WritebackTmp:          0 kB
CommitLimit:    12342048 kB
Committed_AS:      65636 kB
VmallocTotal:   34359738367 kB
VmallocUsed:       14140 kB
VmallocChunk:          0 kB
Percpu:              712 kB
AnonHugePages:         0 kB
ShmemHugePages:        0 kB
ShmemPmdMapped:        0 kB
FileHugePages:     16384 kB
FilePmdMapped:         0 kB
Balloon:               0 kB
HugePages_Total:       0
HugePages_Free:        0
HugePages_Rsvd:        0
HugePages_Surp:        0
Hugepagesize:       2048 kB
Hugetlb:               0 kB
DirectMap4k:       30720 kB
DirectMap2M:     2066432 kB
DirectMap1G:    25165824 kB
)text"},
      {"/proc/partitions", R"text(major minor  #blocks  name

 254        0  268435456 vda
)text"},
      {"/proc/pressure/cpu", R"text(some avg10=1.64 avg60=1.03 avg300=11.71 total=1421219737
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
)text"},
      {"/proc/pressure/io", R"text(some avg10=0.38 avg60=0.45 avg300=0.23 total=53884799
full avg10=0.38 avg60=0.45 avg300=0.21 total=44410165
)text"},
      {"/proc/pressure/memory", R"text(some avg10=0.00 avg60=0.00 avg300=0.00 total=0
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
)text"},
      {"/proc/softirqs", R"text(                    CPU0       CPU1       
          HI:          0          0
       TIMER:     324324     384211
      NET_TX:          4          0
      NET_RX:        661       1056
       BLOCK:          0     313380
    IRQ_POLL:          0          0
     TASKLET:          5          0
       SCHED:     518344     505887
     HRTIMER:          0          0
         RCU:    8096877    8672296
)text"},
      {"/proc/stat", R"text(cpu  1297892 39739 389713 1320365 6820 0 1094 16476 0 0
cpu0 638660 19731 187478 680049 1934 0 209 8114 0 0
cpu1 659231 20007 202235 640315 4886 0 885 8362 0 0
intr 13759023 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 17 0 0 0 0 3081 1348 0 263 1 313398 0 1055
ctxt 120486689
btime 1795475256
processes 751710
procs_running 1
procs_blocked 0
softirq 18817045 0 708535 4 1717 313380 0 5 1024231 0 16769173
)text"},
      {"/proc/swaps",
       R"text(Filename				Type		Size		Used		Priority
)text"},
      {"/proc/sys/kernel/hostname", R"text(vm
)text"},
      {"/proc/sys/kernel/ns_last_pid", R"text(31825
)text"},
      {"/proc/sys/kernel/threads-max", R"text(192731
)text"},
      {"/proc/uptime", R"text(15407.34 13203.65
)text"},
      {"/proc/vmstat", R"text(nr_free_pages 1653873
nr_free_pages_blocks 1314304
nr_zone_inactive_anon 3471
nr_zone_active_anon 380
nr_zone_inactive_file 152508
nr_zone_active_file 215793
nr_zone_unevictable 3308
nr_zone_write_pending 53
nr_mlock 3057
nr_zspages 0
nr_free_cma 0
numa_hit 334457702
nr_active_anon 380
nr_active_file 215793
nr_anon_pages 4962
nr_mapped 3937
nr_anon_transparent_hugepages 0
pgpgin 14211453
pgpgout 43139856
pswpin 0
pswpout 0
pgfault 306393901
thp_split_pmd 0
nr_unstable 0
)text"},
      {"/proc/zoneinfo", R"text(Node 0, zone      DMA
  per-node stats
      nr_inactive_anon 3471
      nr_active_anon 380
      nr_inactive_file 152508
      nr_active_file 215793
      nr_unevictable 3308
      nr_slab_reclaimable 32998
      nr_slab_unreclaimable 7427
      nr_isolated_anon 0
      nr_isolated_file 0
      workingset_nodes 34388
      workingset_refault_anon 0
      workingset_refault_file 3271000
      workingset_activate_anon 0
      workingset_activate_file 798458
      workingset_restore_anon 0
      workingset_restore_file 0
      workingset_nodereclaim 0
      nr_anon_pages 4962
      nr_mapped    3937
      nr_file_pages 370469
      nr_dirty     53
      nr_writeback 0
      nr_shmem     2197
      nr_shmem_hugepages 0
      nr_shmem_pmdmapped 0
      nr_file_hugepages 8
      nr_file_pmdmapped 0
      nr_anon_transparent_hugepages 0
      nr_vmscan_write 0
      nr_vmscan_immediate_reclaim 40258
      nr_dirtied   13446996
      nr_written   10784317
      nr_throttled_written 0
      nr_kernel_misc_reclaimable 0
      nr_foll_pin_acquired 118313
      nr_foll_pin_released 118313
      nr_kernel_stack 1344
      nr_page_table_pages 359
      nr_sec_page_table_pages 0
      nr_iommu_pages 0
      nr_swapcached 0
      pgpromote_success 0
      pgpromote_candidate 0
      pgpromote_candidate_nrl 0
      pgdemote_kswapd 0
      pgdemote_direct 0
      pgdemote_khugepaged 0
      pgdemote_proactive 0
      nr_hugetlb   0
      nr_balloon_pages 0
      nr_kernel_file_pages 0
  pages free     3840
        boost    0
        min      31
        low      38
        high     45
        promo    52
        spanned  4095
        present  3998
        managed  3840
        cma      0
        protection: (0, 3019, 8139, 8139, 8139)
      nr_free_pages 3840
      nr_free_pages_blocks 3584
      nr_zone_inactive_anon 0
      nr_zone_active_anon 0
      nr_zone_inactive_file 0
      nr_zone_active_file 0
      nr_zone_unevictable 0
      nr_zone_write_pending 0
      nr_mlock     0
      nr_zspages   0
      nr_free_cma  0
      numa_hit     0
      numa_miss    0
      numa_foreign 0
      numa_interleave 0
      numa_local   0
      numa_other   0
  pagesets
    cpu: 0
              count:    0
              high:     0
              batch:    1
              high_min: 19
              high_max: 240
  vm stats threshold: 4
    cpu: 1
              count:    0
              high:     0
              batch:    1
              high_min: 19
              high_max: 240
  vm stats threshold: 4
  node_unreclaimable:  0
  start_pfn:           1
Node 0, zone    DMA32
  pages free     772918
        boost    0
        min      6255
        low      7818
        high     9381
        promo    10944
        spanned  1044480
        present  782336
        managed  772918
        cma      0
        protection: (0, 0, 5120, 5120, 5120)
      nr_free_pages 772918
      nr_free_pages_blocks 771072
      nr_zone_inactive_anon 0
      nr_zone_active_anon 0
      nr_zone_inactive_file 0
      nr_zone_active_file 0
      nr_zone_unevictable 0
      nr_zone_write_pending 0
      nr_mlock     0
      nr_zspages   0
      nr_free_cma  0
      numa_hit     0
      numa_miss    0
      numa_foreign 0
      numa_interleave 0
      numa_local   0
      numa_other   0
  pagesets
    cpu: 0
              count:    0
              high:     252
              batch:    63
              high_min: 3909
              high_max: 48307
  vm stats threshold: 24
    cpu: 1
              count:    0
              high:     3909
              batch:    63
              high_min: 3909
              high_max: 48307
  vm stats threshold: 24
  node_unreclaimable:  0
  start_pfn:           4096
)text"},
      {"/sys/devices/system/cpu/offline", R"text(
)text"},
      {"/sys/devices/system/cpu/online", R"text(0-1
)text"},
      {"/sys/devices/system/cpu/possible", R"text(0-1
)text"},
      {"/sys/devices/system/cpu/present", R"text(0-1
)text"},
      {"/sys/devices/system/node/nodeN/meminfo", R"text(Node 0 MemTotal:       9660628 kB
Node 0 MemFree:        4799656 kB
Node 0 MemUsed:        4860972 kB
Node 0 SwapCached:            0 kB
Node 0 Active:          2031664 kB
Node 0 FilePages:       3100552 kB
Node 0 HugePages_Total:     0
)text"},
      {"/sys/devices/system/node/nodeN/vmstat", R"text(nr_free_pages 1199914
nr_anon_pages 4962
nr_dirtied 13446996
numa_hit 98765
)text"},
  };
  return files;
}

}  // namespace proctor::tests
