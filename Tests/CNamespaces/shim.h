// Network namespaces and TUN devices: calls that glibc shows to _GNU_SOURCE only, and requests of ioctl, which
// Swift cannot import.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

extern int unshare(int flags);
extern int setns(int descriptor, int type);

static const int keyval_new_network = 0x40000000;  // CLONE_NEWNET

static inline int keyval_close_failed(int descriptor) {
  int code = errno;
  close(descriptor);
  errno = code;
  return -1;
}

/// Makes a TUN device in the calling thread's namespace. It is gone when the descriptor is closed. -1 and errno.
static inline int keyval_tun(const char *name) {
  int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return -1;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  return ioctl(descriptor, TUNSETIFF, &request) < 0 ? keyval_close_failed(descriptor) : descriptor;
}

static inline int keyval_set_address(int socket, struct ifreq *request, unsigned long what, uint32_t address) {
  struct sockaddr_in *place = (struct sockaddr_in *)&request->ifr_addr;
  memset(place, 0, sizeof *place);
  place->sin_family = AF_INET;
  place->sin_addr.s_addr = htonl(address);
  return ioctl(socket, what, request);
}

/// Gives an interface of the calling thread's namespace an address and a mask, unless the address is 0, and
/// brings it up. -1 and errno.
static inline int keyval_bring_up(const char *name, uint32_t address, uint32_t mask) {
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (address != 0 && (keyval_set_address(descriptor, &request, SIOCSIFADDR, address) < 0 ||
                       keyval_set_address(descriptor, &request, SIOCSIFNETMASK, mask) < 0))
    return keyval_close_failed(descriptor);
  memset(&request.ifr_ifru, 0, sizeof request.ifr_ifru);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(descriptor, SIOCSIFFLAGS, &request) < 0) return keyval_close_failed(descriptor);
  close(descriptor);
  return 0;
}
