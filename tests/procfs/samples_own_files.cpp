#include "tests/procfs/samples.hpp"

namespace proctor::tests {

// Captured on a virtual machine, Linux 6.18; cut, and filled with what an idle machine does not show.
const Machine& own_files() {
  static const Machine files = {
      {"/proc/PID/cpuset", R"text(/group/b3187600
)text"},
      {"/proc/PID/fdinfo/FD", R"text(pos:	0
flags:	02000002
mnt_id:	15
ino:	4711
lock:	1: FLOCK  ADVISORY  WRITE 2617 08:01:2531448 0 EOF
lock:	2: POSIX  ADVISORY  WRITE 999 08:01:2531448 0 EOF
Pid:	999
NSpid:	999	7
SqThread:	999
)text"},
      {"/proc/PID/limits",
       R"text(Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max file size             unlimited            unlimited            bytes     
Max data size             unlimited            unlimited            bytes     
Max stack size            8388608              unlimited            bytes     
Max core file size        0                    unlimited            bytes     
Max resident set          unlimited            unlimited            bytes     
Max processes             96365                96365                processes 
Max open files            20000                20000                files     
Max locked memory         8388608              8388608              bytes     
Max address space         unlimited            unlimited            bytes     
Max file locks            unlimited            unlimited            locks     
Max pending signals       96365                96365                signals   
Max msgqueue size         819200               819200               bytes     
Max nice priority         0                    0                    
Max realtime priority     0                    0                    
Max realtime timeout      unlimited            unlimited            us        
)text"},
      {"/proc/PID/mountstats", R"text(device proc mounted on /proc with fstype proc
device sysfs mounted on /sys with fstype sysfs
device /dev/vda mounted on / with fstype ext4
device tmpfs mounted on /sys/fs/cgroup with fstype tmpfs
device cgroup mounted on /sys/fs/cgroup/cpu with fstype cgroup
device cgroup mounted on /sys/fs/cgroup/cpuacct with fstype cgroup
device cgroup mounted on /sys/fs/cgroup/cpuset with fstype cgroup
device cgroup mounted on /sys/fs/cgroup/memory with fstype cgroup
device cgroup mounted on /sys/fs/cgroup/freezer with fstype cgroup
device cgroup mounted on /sys/fs/cgroup/blkio with fstype cgroup
device cgroup mounted on /sys/fs/cgroup/pids with fstype cgroup
device cgroup mounted on /sys/fs/cgroup/systemd with fstype cgroup
device cgroup2 mounted on /sys/fs/cgroup/unified with fstype cgroup2
device none mounted on /sys/kernel/tracing with fstype tracefs
)text"},
      {"/proc/PID/net/ip6_flowlabel",
       R"text(Label S Owner  Users  Linger Expires  Dst                              Opt
00012 2 2617   1      6      0        fd000000000000000000000000000001 0   
00013 2 999    1      6      0        fd000000000000000000000000000001 0   
00014 3 2617   1      6      0        fd000000000000000000000000000001 0   
)text"},
      {"/proc/PID/net/netstat",
       R"text(TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned OfoPruned OutOfWindowIcmps
TcpExt: 0 0 0 0 0 0 0 0
)text"},
      {"/proc/PID/net/protocols",
       R"text(protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em
AF_VSOCK  1240      0      -1   NI       0   yes  kernel      y  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n
PACKET    1600      0      -1   NI       0   no   kernel      n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n
MPTCPv6   2064      0      76   no       0   yes  kernel      y  y  y  n  y  y  y  y  y  y  y  y  n  n  y  y  y  n
PINGv6    1344      0      -1   NI       0   yes  kernel      y  y  y  n  n  y  n  n  y  y  y  y  y  y  n  y  y  n
RAWv6     1344      0      -1   NI       0   yes  kernel      y  y  y  n  y  y  y  n  y  y  y  y  y  y  y  y  n  n
UDPLITEv6 1472      0       0   NI       0   yes  kernel      y  y  y  n  y  y  y  n  y  y  y  y  n  n  y  y  y  n
UDPv6     1472      0       0   NI       0   yes  kernel      y  y  y  n  y  y  y  n  y  y  y  y  n  n  y  y  y  n
TCPv6     2432      0      76   no     192   yes  kernel      y  y  y  y  y  y  y  y  y  y  y  y  n  y  y  y  y  y
XDP       1088      0      -1   NI       0   no   kernel      n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n
UNIX-STREAM 1152      2      -1   NI       0   yes  kernel      y  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n
UNIX      1152      0      -1   NI       0   yes  kernel      y  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n
)text"},
      {"/proc/PID/net/snmp",
       R"text(Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates OutTransmits
Ip: 2 64 1593 0 0 0 0 0 1593 981 0 0 0 0 0 0 0 0 0 981
Icmp: InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps
Icmp: 1 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
IcmpMsg: InType3
IcmpMsg: 1
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 20 3 0 1 0 1550 939 0 0 7 0
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 42 0 0 43 0 0 0 0 0
UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
UdpLite: 0 0 0 0 0 0 0 0 0
)text"},
      {"/proc/PID/net/snmp6", R"text(Ip6InReceives                   	1
Ip6InHdrErrors                  	0
Ip6InTooBigErrors               	0
Ip6InNoRoutes                   	0
Ip6InAddrErrors                 	0
Ip6InUnknownProtos              	0
Ip6InTruncatedPkts              	0
Ip6InDiscards                   	0
)text"},
      {"/proc/PID/net/sockstat", R"text(sockets: used 57
TCP: inuse 11 orphan 2 tw 3 alloc 14 mem 358
UDP: inuse 5 mem 9
UDPLITE: inuse 1
RAW: inuse 2
FRAG: inuse 4 memory 4096
)text"},
      {"/proc/PID/net/sockstat6", R"text(TCP6: inuse 3
UDP6: inuse 4
UDPLITE6: inuse 1
RAW6: inuse 2
FRAG6: inuse 4 memory 4096
)text"},
      {"/proc/PID/net/softnet_stat",
       R"text(00000017 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
00000626 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000001 00000000 00000000
)text"},
      {"/proc/PID/net/stat/arp_cache",
       R"text(entries  allocs   destroys hash_grows lookups  hits     res_failed rcv_probes_mcast rcv_probes_ucast periodic_gc_runs forced_gc_runs unresolved_discards table_fulls
00000002 00000001 00000000 00000000   00000004 00000000 00000000   00000000         00000000         00000000         00000000       00000000            00000000
00000002 00000001 00000000 00000000   00000003 00000003 00000000   00000000         00000000         000000fb         00000000       00000000            00000000
)text"},
      {"/proc/PID/net/stat/rt_cache",
       R"text(entries  in_hit   in_slow_tot in_slow_mc in_no_route in_brd   in_martian_dst in_martian_src out_hit  out_slow_tot out_slow_mc gc_total gc_ignored gc_goal_miss gc_dst_overflow in_hlist_search out_hlist_search
00000005 00000000 00000000    00000000   00000000    00000000 00000000       00000000       00000000 00000002     00000000    00000000 00000000   00000000     00000000        00000000        00000000
00000005 00000000 00000001    00000000   00000000    00000000 00000000       00000000       00000000 00000002     00000000    00000000 00000000   00000000     00000000        00000000        00000000
)text"},
      {"/proc/PID/net/tcp",
       R"text(  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F41 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F42 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 14 1 0000000000000000 100 0 0 10 0
   3: 0100007F:1F43 00000000:0000 08 00000000:00000000 00:00000000 00000000     0        0 15 1 0000000000000000 100 0 0 10 0
   4: 0100007F:1F44 00000000:0000 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 100 0 0 10 0
)text"},
      {"/proc/PID/net/tcp6",
       R"text(  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 0100007F:1F40 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 17 1 0000000000000000 100 0 0 10 0
)text"},
      {"/proc/PID/net/udp",
       R"text(  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 0100007F:1F40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 21 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F41 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 22 1 0000000000000000 100 0 0 10 0
)text"},
      {"/proc/PID/net/unix", R"text(Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000003 00000000 00000000 0001 03   571
0000000000000000: 00000003 00000000 00000000 0002 03   573 /run/log
0000000000000000: 00000003 00000000 00000000 0001 03   572
0000000000000000: 00000003 00000000 00000000 0005 03   575
)text"},
      {"/proc/PID/net/xfrm_stat", R"text(XfrmInError             	0
XfrmInBufferError       	0
XfrmInHdrError          	0
XfrmInNoStates          	0
)text"},
      {"/proc/sys/fs/aio-nr", R"text(12
)text"},
      {"/proc/sys/fs/dentry-state", R"text(86952	85130	45	0	21795	0
)text"},
      {"/proc/sys/fs/file-nr", R"text(609	0	2466186
)text"},
      {"/proc/sys/fs/inode-nr", R"text(64980	0
)text"},
      {"/proc/sys/fs/inode-state", R"text(64980	0	0	0	0	0	0
)text"},
      {"/proc/sys/kernel/cad_pid", R"text(1
)text"},
      {"/proc/sys/kernel/pty/nr", R"text(3
)text"},
      {"/proc/sys/net/netfilter/nf_conntrack_count", R"text(41
)text"},
      {"/proc/sysvipc/msg",
       R"text(       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime
      1912          3   666          10          1  2617     0     0     0     0     0          0          0 1795626549
)text"},
      {"/proc/sysvipc/shm",
       R"text(       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
      1911          0   666                  4096  1436     0      0     0     0     0     0          0          0 1795626549                     0                     0
      1913          7   600                  8192   999  2617      1     0     0     0     0 1795626549          0 1795626549                  4096                     0
)text"},
  };
  return files;
}

}  // namespace proctor::tests
