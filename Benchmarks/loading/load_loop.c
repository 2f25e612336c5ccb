/* The limit for a client: libpq in C, floats encoded as they go.
   load_loop copy|insert "conninfo" table vector|real data.f32 rows dim [first]   (data: rows * dim little-endian floats;
   first: the row to begin with, which is its id)
   cc -O2 load_loop.c -o load_loop -I$(pg_config --includedir) -lpq */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_real;
static int first;
static int dim;

static char *put32(char *p, uint32_t v) { v = htonl(v); memcpy(p, &v, 4); return p + 4; }
static char *put16(char *p, uint16_t v) { v = htons(v); memcpy(p, &v, 2); return p + 2; }

static char *put_vector(char *p, const float *v) {
  if (is_real) {
    p = put32(p, 1); p = put32(p, 0); p = put32(p, 700); p = put32(p, dim); p = put32(p, 1);
    for (int i = 0; i < dim; i++) { uint32_t b; memcpy(&b, v + i, 4); p = put32(p, 4); p = put32(p, b); }
  } else {
    p = put16(p, dim); p = put16(p, 0);
    for (int i = 0; i < dim; i++) { uint32_t b; memcpy(&b, v + i, 4); p = put32(p, b); }
  }
  return p;
}

static void check(PGconn *c, int ok) {
  if (!ok) { fprintf(stderr, "%s\n", PQerrorMessage(c)); exit(1); }
}

static void copy(PGconn *c, const char *table, FILE *f, int rows, float *v, char *buffer) {
  char sql[256], label[32];
  snprintf(sql, sizeof sql, "COPY %s (id, class, image_vector) FROM STDIN (FORMAT binary)", table);
  PGresult *r = PQexec(c, sql);
  check(c, PQresultStatus(r) == PGRES_COPY_IN);
  char *p = buffer;
  memcpy(p, "PGCOPY\n\377\r\n\0", 11); p = put32(put32(p + 11, 0), 0);
  int size = is_real ? 20 + 8 * dim : 4 + 4 * dim;
  for (int i = 0; i < rows; i++) {
    if (fread(v, 4, dim, f) != (size_t)dim) exit(2);
    int n = snprintf(label, sizeof label, "class_%02d", (first + i) % 100);
    p = put32(put32(put16(p, 3), 4), first + i);
    p = put32(p, n); memcpy(p, label, n); p += n;
    p = put_vector(put32(p, size), v);
    if (p - buffer > 65536) { check(c, PQputCopyData(c, buffer, p - buffer) == 1); p = buffer; }
  }
  p = put16(p, 0xFFFF);
  check(c, PQputCopyData(c, buffer, p - buffer) == 1 && PQputCopyEnd(c, NULL) == 1);
  r = PQgetResult(c);
  check(c, PQresultStatus(r) == PGRES_COMMAND_OK);
}

static void insert(PGconn *c, const char *table, FILE *f, int rows, float *v, char *buffer) {
  enum { N = 100 };
  static char sql[8192];
  static const char *values[3 * N]; static int lengths[3 * N], formats[3 * N]; static Oid types[3 * N];
  char *s = sql + sprintf(sql, "INSERT INTO %s (id, class, image_vector) VALUES ", table);
  for (int i = 0; i < N; i++) s += sprintf(s, "%s($%d,$%d,$%d%s)", i ? "," : "", 3*i+1, 3*i+2, 3*i+3, is_real ? "" : "::vector");
  for (int i = 0; i < N; i++) { types[3*i] = 23; types[3*i+1] = 25; types[3*i+2] = is_real ? 1021 : 0; }
  for (int i = 0; i < 3 * N; i++) formats[i] = 1;
  check(c, PQresultStatus(PQprepare(c, "i", sql, 3 * N, types)) == PGRES_COMMAND_OK);
  PQclear(PQexec(c, "BEGIN"));
  for (int i = 0; i < rows; i += N) {
    char *p = buffer;
    for (int k = 0; k < N; k++) {
      if (fread(v, 4, dim, f) != (size_t)dim) exit(2);
      values[3*k] = p; p = put32(p, first + i + k); lengths[3*k] = 4;
      values[3*k+1] = p; lengths[3*k+1] = sprintf(p, "class_%02d", (first + i + k) % 100); p += lengths[3*k+1];
      values[3*k+2] = p; p = put_vector(p, v); lengths[3*k+2] = p - values[3*k+2];
    }
    PGresult *r = PQexecPrepared(c, "i", 3 * N, values, lengths, formats, 1);
    check(c, PQresultStatus(r) == PGRES_COMMAND_OK);
    PQclear(r);
  }
  PQclear(PQexec(c, "COMMIT"));
}

int main(int argc, char **argv) {
  if (argc != 8 && argc != 9) return 64;
  is_real = strcmp(argv[4], "real") == 0;
  int rows = atoi(argv[6]);
  dim = atoi(argv[7]);
  first = argc == 9 ? atoi(argv[8]) : 0;
  PGconn *c = PQconnectdb(argv[2]);
  check(c, PQstatus(c) == CONNECTION_OK);
  FILE *f = fopen(argv[5], "rb");
  if (!f || fseeko(f, 4L * dim * first, SEEK_SET)) { perror(argv[5]); return 1; }
  float *v = malloc(4 * dim);
  char *buffer = malloc(65536 + 101 * (64 + 20 + 8 * dim));
  (strcmp(argv[1], "copy") == 0 ? copy : insert)(c, argv[3], f, rows, v, buffer);
  PQfinish(c);
  return 0;
}
