/*
 * Short TCP connections, as many as can be, one after the other: connect, 3 bytes there, 3 bytes back, reset.
 *   connections serve PORT            answers until it is killed
 *   connections ask ADDRESS PORT SECONDS    prints connections a second
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in to(const char *address, const char *port) {
  struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  inet_pton(AF_INET, address, &result.sin_addr);
  return result;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int serve(const char *port) {
  struct sockaddr_in own = to("0.0.0.0", port);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&own, sizeof own) || listen(listener, 1024)) return 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    char bytes[3];
    int peer = accept(listener, 0, 0);
    if (peer < 0) continue;
    if (read(peer, bytes, sizeof bytes) == 3 && write(peer, bytes, sizeof bytes) < 0) return 1;
    close(peer);
  }
}

static int once(const struct sockaddr_in *peer) {
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  char bytes[3] = "hi\n";
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int ok = connect(fd, (const struct sockaddr *)peer, sizeof *peer) == 0 && write(fd, bytes, 3) == 3 && read(fd, bytes, 3) == 3;
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(fd);
  return ok;
}

int main(int count, char **words) {
  if (count == 3 && !strcmp(words[1], "serve")) return serve(words[2]);
  if (count != 5) return 2;
  struct sockaddr_in peer = to(words[2], words[3]);
  double start = now(), end = start + atof(words[4]);
  long done = 0;
  for (; now() < end; done++)
    if (!once(&peer)) return perror("connect"), 1;
  printf("%.0f\n", (double)done / (now() - start));
  return 0;
}
