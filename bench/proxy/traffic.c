/*
 * Traffic for the bench of the proxy.
 *   traffic serve PORT    "hi\n" comes back, "go\n" starts a stream; until it is killed
 *   traffic ask ADDRESS PORT SECONDS PID...     short connections one after the other (3 bytes there, 3 back, reset):
 *                                               how many for a second of processor time, median of connect() in microseconds
 *   traffic pull ADDRESS PORT SECONDS PID...    bytes of one stream for a second of processor time
 *   traffic watch                       a line "ADDRESS PORT open|closed MILLISECONDS" of its input waits until a
 *                                       connection is taken (or refused): the time (CLOCK_MONOTONIC, ns), or 0: too late
 * Processor time is this process's and that of the processes named (the server, the proxy): what else the machine does then
 * takes time, but not theirs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { block = 1 << 16, most = 1 << 18 };
static char data[block];

static struct sockaddr_in to(const char *address, const char *port) {
  struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  inet_pton(AF_INET, address, &result.sin_addr);
  return result;
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Nanoseconds of this process and of the others. */
static long long processor(char **pids) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  long long sum = (long long)time.tv_sec * 1000000000 + time.tv_nsec;
  for (; *pids; pids++) {
    clockid_t clock;
    if (clock_getcpuclockid(atoi(*pids), &clock) || clock_gettime(clock, &time)) continue;
    sum += (long long)time.tv_sec * 1000000000 + time.tv_nsec;
  }
  return sum;
}

static int serve(const char *port) {
  struct sockaddr_in own = to("0.0.0.0", port);
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  signal(SIGPIPE, SIG_IGN);
  if (bind(listener, (struct sockaddr *)&own, sizeof own) || listen(listener, 1024)) return perror("serve"), 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    char bytes[3];
    int peer = accept(listener, 0, 0);
    if (peer < 0) continue;
    if (read(peer, bytes, sizeof bytes) == 3) {
      if (bytes[0] == 'g') while (write(peer, data, block) > 0);
      else if (write(peer, bytes, sizeof bytes) < 0) return 1;
    }
    close(peer);
  }
}

static void end(int fd) {
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(fd);
}

/* The nanoseconds of connect(), or -1. */
static long long once(const struct sockaddr_in *peer) {
  char bytes[3] = "hi\n";
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  long long start = now(), took = -1;
  if (connect(fd, (const struct sockaddr *)peer, sizeof *peer) == 0) {
    took = now() - start;
    if (write(fd, bytes, 3) != 3 || read(fd, bytes, 3) != 3) took = -1;
  }
  end(fd);
  return took;
}

static int ascending(const void *a, const void *b) {
  long long x = *(const long long *)a, y = *(const long long *)b;
  return (x > y) - (x < y);
}

static int ask(struct sockaddr_in peer, double seconds, char **pids) {
  static long long times[most];
  long long start = processor(pids), until = now() + (long long)(seconds * 1e9);
  long done = 0;
  for (; now() < until && done < most; done++)
    if ((times[done] = once(&peer)) < 0) return perror("connect"), 1;
  double took = (double)(processor(pids) - start) / 1e9;
  qsort(times, (size_t)done, sizeof *times, ascending);
  printf("%.0f %.2f\n", (double)done / took, (double)times[done / 2] / 1e3);
  return 0;
}

static int pull(struct sockaddr_in peer, double seconds, char **pids) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (const struct sockaddr *)&peer, sizeof peer) || write(fd, "go\n", 3) != 3) return perror("pull"), 1;
  long long start = processor(pids), until = now() + (long long)(seconds * 1e9);
  double bytes = 0;
  while (now() < until) {
    ssize_t size = read(fd, data, block);
    if (size <= 0) return perror("read"), 1;
    bytes += (double)size;
  }
  printf("%.0f\n", bytes / ((double)(processor(pids) - start) / 1e9));
  end(fd);
  return 0;
}

/* A packet that nobody answers counts as refused, after 20 ms. */
static int is_open(const struct sockaddr_in *peer) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
  socklen_t size = sizeof error;
  if (connect(fd, (const struct sockaddr *)peer, sizeof *peer)) {
    error = errno;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    if (error == EINPROGRESS) error = poll(&wait, 1, 20) == 1 && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) ? error : ETIMEDOUT;
  }
  end(fd);
  return error == 0;
}

/*
 * Looks every 0.2 ms at first, and never sooner again than a fiftieth of what it has waited. Before all others where it may: its
 * own wait for a processor, up to 4 ms behind a collector's thread of the API server's, is none of the proxy's.
 */
static int watch(void) {
  char line[128], address[64], port[16], wanted[16];
  long limit;
  setpriority(PRIO_PROCESS, 0, -20);
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "%63s %15s %15s %ld", address, port, wanted, &limit) != 4) return 2;
    struct sockaddr_in peer = to(address, port);
    long long start = now(), until = start + limit * 1000000;
    int open = !strcmp(wanted, "open"), reached = is_open(&peer) == open;
    while (!reached && now() < until) {
      long long wait = (now() - start) / 50;
      if (wait < 200000) wait = 200000;
      if (wait > 100000000) wait = 100000000;
      nanosleep(&(struct timespec){.tv_sec = 0, .tv_nsec = wait}, 0);
      reached = is_open(&peer) == open;
    }
    printf("%lld\n", reached ? now() : 0);
    fflush(stdout);
  }
  return 0;
}

int main(int count, char **words) {
  if (count == 3 && !strcmp(words[1], "serve")) return serve(words[2]);
  if (count == 2 && !strcmp(words[1], "watch")) return watch();
  if (count >= 5 && !strcmp(words[1], "ask")) return ask(to(words[2], words[3]), atof(words[4]), words + 5);
  if (count >= 5 && !strcmp(words[1], "pull")) return pull(to(words[2], words[3]), atof(words[4]), words + 5);
  return 2;
}
