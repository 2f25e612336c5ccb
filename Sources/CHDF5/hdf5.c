#define _GNU_SOURCE
#include "CHDF5.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lazy_library.h"

/* The part of hdf5.h that is used, as it is since version 1.10. */
typedef int64_t hid_t;
typedef uint64_t hsize_t;
typedef int herr_t;
struct group_info {
  int storage_type;
  hsize_t links;
  int64_t max_order;
  _Bool is_mounted;
};
herr_t H5open(void);
herr_t H5Eset_auto2(hid_t stack, void *function, void *data);
hid_t H5Fopen(const char *name, unsigned flags, hid_t access);
herr_t H5Fclose(hid_t file);
herr_t H5Gget_info(hid_t group, struct group_info *info);
ptrdiff_t H5Lget_name_by_idx(hid_t place, const char *group, int by, int order, hsize_t index, char *name, size_t size, hid_t access);
hid_t H5Dopen2(hid_t place, const char *name, hid_t access);
herr_t H5Dclose(hid_t table);
hid_t H5Dget_space(hid_t table);
hid_t H5Dget_type(hid_t table);
herr_t H5Dread(hid_t table, hid_t type, hid_t memory, hid_t file, hid_t transfer, void *values);
hid_t H5Screate_simple(int rank, const hsize_t *sizes, const hsize_t *limits);
int H5Sget_simple_extent_ndims(hid_t space);
int H5Sget_simple_extent_dims(hid_t space, hsize_t *sizes, hsize_t *limits);
herr_t H5Sselect_hyperslab(hid_t space, int operation, const hsize_t *start, const hsize_t *stride, const hsize_t *count, const hsize_t *block);
herr_t H5Sclose(hid_t space);
int H5Tget_class(hid_t type);
herr_t H5Tclose(hid_t type);

#define FUNCTIONS                                                                                                       \
  "H5open", "H5Eset_auto2", "H5Fopen", "H5Fclose", "H5Gget_info", "H5Lget_name_by_idx", "H5Dopen2", "H5Dclose",         \
      "H5Dget_space", "H5Dget_type", "H5Dread", "H5Screate_simple", "H5Sget_simple_extent_ndims",                       \
      "H5Sget_simple_extent_dims", "H5Sselect_hyperslab", "H5Sclose", "H5Tget_class", "H5Tclose", "H5T_NATIVE_FLOAT_g"

/* Distributions give it names and versions of their own; the first that is there is used. */
static struct lazy_library libraries[] = {
    LAZY_LIBRARY("libhdf5_serial.so.103", "libhdf5-103-1", FUNCTIONS),
    LAZY_LIBRARY("libhdf5_serial.so.310", "libhdf5-310", FUNCTIONS),
    LAZY_LIBRARY("libhdf5.so.310", "libhdf5-310", FUNCTIONS),
    LAZY_LIBRARY("libhdf5.so.200", "libhdf5-200", FUNCTIONS),
    LAZY_LIBRARY("libhdf5.so.103", "libhdf5-103-1", FUNCTIONS),
};
static struct lazy_library *_Atomic chosen;

#define CALL(name) ((__typeof__(&name))lazy_library_function(chosen, #name))

const char *adbvec_hdf5_problem(void) {
  for (size_t index = 0; !chosen && index < sizeof libraries / sizeof *libraries; index++) {
    if (!lazy_library_problem(&libraries[index])) chosen = &libraries[index];
  }
  return chosen ? NULL : lazy_library_problem(&libraries[0]);
}

/* libhdf5 trusts the files that it reads: a damaged one can end the process that reads it. So each file has a process of
 * its own, which answers these requests through a socket and ends when the socket is closed. */
struct adbvec_hdf5 {
  int socket;
  pid_t worker;
};

enum request_kind { COUNT, NAME, TABLE, CLOSE_TABLE, READ };

struct request {
  enum request_kind kind;
  int64_t table;
  uint64_t first, rows, columns;
  char name[256];
};

struct answer {
  /* A count, a length, a table or whether something could be read; what follows it is `bytes` long. */
  int64_t value;
  uint64_t bytes, sizes[2];
  int rank, is_number;
};

static int send_all(int socket, const void *bytes, size_t count) {
  for (const char *next = bytes; count > 0;) {
    ssize_t part = send(socket, next, count, MSG_NOSIGNAL);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return 0;
    next += part;
    count -= (size_t)part;
  }
  return 1;
}

static int receive_all(int socket, void *bytes, size_t count) {
  for (char *next = bytes; count > 0;) {
    ssize_t part = recv(socket, next, count, 0);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return 0;
    next += part;
    count -= (size_t)part;
  }
  return 1;
}

/* The worker's part. */

static struct answer count_links(hid_t file) {
  struct group_info info = {0};
  return (struct answer){.value = CALL(H5Gget_info)(file, &info) < 0 ? 0 : (int64_t)info.links};
}

static struct answer name_of(hid_t file, uint64_t index, char name[256]) {
  ptrdiff_t length = CALL(H5Lget_name_by_idx)(file, ".", 0, 0, index, name, 256, 0);
  uint64_t bytes = length <= 0 ? 0 : length < 256 ? (uint64_t)length : 255;
  return (struct answer){.value = (int64_t)bytes, .bytes = bytes};
}

static struct answer open_table(hid_t file, const char *name) {
  struct answer answer = {.value = CALL(H5Dopen2)(file, name, 0)};
  if (answer.value < 0) return answer;
  hid_t space = CALL(H5Dget_space)(answer.value);
  hid_t type = CALL(H5Dget_type)(answer.value);
  answer.rank = CALL(H5Sget_simple_extent_ndims)(space);
  if (answer.rank == 1 || answer.rank == 2) CALL(H5Sget_simple_extent_dims)(space, answer.sizes, NULL);
  int kind = CALL(H5Tget_class)(type);
  answer.is_number = kind == 0 || kind == 1;
  CALL(H5Tclose)(type);
  CALL(H5Sclose)(space);
  return answer;
}

static int read_rows(const struct request *asked, float *values) {
  const hsize_t start[2] = {asked->first, 0}, count[2] = {asked->rows, asked->columns};
  hid_t file = CALL(H5Dget_space)(asked->table);
  hid_t memory = CALL(H5Screate_simple)(2, count, NULL);
  hid_t *type = (hid_t *)lazy_library_function(chosen, "H5T_NATIVE_FLOAT_g");
  int done = file >= 0 && memory >= 0 && CALL(H5Sselect_hyperslab)(file, 0, start, NULL, count, NULL) >= 0 &&
             CALL(H5Dread)(asked->table, *type, memory, file, 0, values) >= 0;
  if (memory >= 0) CALL(H5Sclose)(memory);
  if (file >= 0) CALL(H5Sclose)(file);
  return done;
}

static int answer_request(int socket, hid_t file, struct request *asked) {
  struct answer answer = {0};
  void *content = NULL, *values = NULL;
  switch (asked->kind) {
    case COUNT: answer = count_links(file); break;
    case NAME: answer = name_of(file, asked->first, content = asked->name); break;
    case TABLE: answer = open_table(file, asked->name); break;
    case CLOSE_TABLE: CALL(H5Dclose)(asked->table); break;
    case READ:
      content = values = calloc(asked->rows * asked->columns, sizeof(float));
      if (values && read_rows(asked, values)) {
        answer = (struct answer){.value = 1, .bytes = asked->rows * asked->columns * sizeof(float)};
      }
      break;
  }
  int sent = send_all(socket, &answer, sizeof answer) && send_all(socket, content, answer.bytes);
  free(values);
  return sent;
}

/* Ends the worker when nobody listens any more, also in the midst of a request. */
static void *watch(void *socket) {
  struct pollfd closed = {.fd = *(int *)socket};
  while (poll(&closed, 1, -1) < 0 || !(closed.revents & (POLLHUP | POLLERR))) continue;
  _exit(0);
}

static _Noreturn void work(int socket, const char *path) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  /* Ctrl-C is for the program, which then closes the socket. */
  signal(SIGINT, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  /* None of the program's files and connections may be held open from here; the library's words are nobody's. */
  int nothing = open("/dev/null", O_RDWR);
  for (int standard = 0; standard < 3; standard++) dup2(nothing, standard);
  socket = dup2(socket, 3);
  close_range(4, ~0U, 0);
  pthread_t watcher;
  if (pthread_create(&watcher, NULL, watch, &socket) != 0) _exit(1);
  struct answer opened = {.value = -1};
  if (CALL(H5open)() >= 0) {
    /* Without this the library prints its errors. */
    CALL(H5Eset_auto2)(0, NULL, NULL);
    opened.value = CALL(H5Fopen)(path, 0, 0);
  }
  struct request asked;
  int goes_on = send_all(socket, &opened, sizeof opened);
  while (goes_on && receive_all(socket, &asked, sizeof asked)) goes_on = answer_request(socket, opened.value, &asked);
  _exit(0);
}

/* The program's part. */

struct adbvec_hdf5 *adbvec_hdf5_open(const char *path) {
  int ends[2];
  struct adbvec_hdf5 *file = malloc(sizeof *file);
  if (!file || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    free(file);
    return NULL;
  }
  file->socket = ends[0];
  /* A lock that another thread holds at this moment would never be released in the worker. */
  pthread_mutex_lock(&chosen->mutex);
  file->worker = fork();
  pthread_mutex_unlock(&chosen->mutex);
  if (file->worker == 0) work(ends[1], path);
  close(ends[1]);
  struct answer opened;
  if (file->worker > 0 && receive_all(file->socket, &opened, sizeof opened) && opened.value >= 0) return file;
  adbvec_hdf5_close(file);
  return NULL;
}

void adbvec_hdf5_close(struct adbvec_hdf5 *file) {
  close(file->socket);
  while (file->worker > 0 && waitpid(file->worker, NULL, 0) < 0 && errno == EINTR) continue;
  free(file);
}

/* The answer's content goes into `content`, which has room for `size` bytes. */
static int ask(struct adbvec_hdf5 *file, const struct request *asked, struct answer *answer, void *content, size_t size) {
  return send_all(file->socket, asked, sizeof *asked) && receive_all(file->socket, answer, sizeof *answer) &&
         answer->bytes <= size && receive_all(file->socket, content, answer->bytes);
}

uint64_t adbvec_hdf5_count(struct adbvec_hdf5 *file) {
  struct answer answer;
  return ask(file, &(struct request){.kind = COUNT}, &answer, NULL, 0) ? (uint64_t)answer.value : 0;
}

size_t adbvec_hdf5_name(struct adbvec_hdf5 *file, uint64_t index, char *name, size_t size) {
  struct answer answer;
  return ask(file, &(struct request){.kind = NAME, .first = index}, &answer, name, size) ? (size_t)answer.value : 0;
}

int64_t adbvec_hdf5_table(struct adbvec_hdf5 *file, const char *name, int *rank, uint64_t sizes[2], int *is_number) {
  struct request asked = {.kind = TABLE};
  struct answer answer;
  if (strlen(name) >= sizeof asked.name) return -1;
  strcpy(asked.name, name);
  if (!ask(file, &asked, &answer, NULL, 0)) return -1;
  *rank = answer.rank;
  *is_number = answer.is_number;
  memcpy(sizes, answer.sizes, sizeof answer.sizes);
  return answer.value;
}

void adbvec_hdf5_close_table(struct adbvec_hdf5 *file, int64_t table) {
  struct answer answer;
  ask(file, &(struct request){.kind = CLOSE_TABLE, .table = table}, &answer, NULL, 0);
}

int adbvec_hdf5_read(struct adbvec_hdf5 *file, int64_t table, uint64_t first, uint64_t rows, uint64_t columns,
                     float *values) {
  const struct request asked = {.kind = READ, .table = table, .first = first, .rows = rows, .columns = columns};
  struct answer answer;
  return ask(file, &asked, &answer, values, rows * columns * sizeof(float)) && answer.value == 1;
}
