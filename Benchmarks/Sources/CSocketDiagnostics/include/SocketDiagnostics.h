// What the kernel knows of each TCP connection of this machine, whoever has it.
#ifndef KEYVAL_BENCHMARKS_SOCKET_DIAGNOSTICS_H
#define KEYVAL_BENCHMARKS_SOCKET_DIAGNOSTICS_H

#include <stddef.h>
#include <stdint.h>

// One end of an established connection over IPv4: its ports, and what it has received and sent.
struct benchmark_socket {
  uint16_t local;
  uint16_t remote;
  uint32_t segments_received;
  uint32_t segments_sent;
  uint64_t bytes_received;
  uint64_t bytes_sent;
};

// Writes as many ends as there is room for, and returns how many there are; -1 with errno when the kernel refuses.
long benchmark_sockets(struct benchmark_socket *sockets, size_t room);

#endif
