#include "CHDF5.h"

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
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define CALL(name) ((__typeof__(&name))lazy_library_function(chosen, #name))

const char *adbvec_hdf5_problem(void) {
  for (size_t index = 0; !chosen && index < sizeof libraries / sizeof *libraries; index++) {
    if (!lazy_library_problem(&libraries[index])) chosen = &libraries[index];
  }
  return chosen ? NULL : lazy_library_problem(&libraries[0]);
}

int64_t adbvec_hdf5_open(const char *path) {
  pthread_mutex_lock(&turn);
  hid_t file = -1;
  if (CALL(H5open)() >= 0) {
    /* Without this the library prints its errors. */
    CALL(H5Eset_auto2)(0, NULL, NULL);
    file = CALL(H5Fopen)(path, 0, 0);
  }
  pthread_mutex_unlock(&turn);
  return file;
}

void adbvec_hdf5_close(int64_t file) {
  pthread_mutex_lock(&turn);
  CALL(H5Fclose)(file);
  pthread_mutex_unlock(&turn);
}

uint64_t adbvec_hdf5_count(int64_t file) {
  struct group_info info = {0};
  pthread_mutex_lock(&turn);
  herr_t status = CALL(H5Gget_info)(file, &info);
  pthread_mutex_unlock(&turn);
  return status < 0 ? 0 : info.links;
}

size_t adbvec_hdf5_name(int64_t file, uint64_t index, char *name, size_t size) {
  pthread_mutex_lock(&turn);
  ptrdiff_t length = CALL(H5Lget_name_by_idx)(file, ".", 0, 0, index, name, size, 0);
  pthread_mutex_unlock(&turn);
  if (length <= 0) return 0;
  return (size_t)length < size ? (size_t)length : size - 1;
}

int64_t adbvec_hdf5_table(int64_t file, const char *name, int *rank, uint64_t sizes[2], int *is_number) {
  pthread_mutex_lock(&turn);
  hid_t table = CALL(H5Dopen2)(file, name, 0);
  if (table >= 0) {
    hid_t space = CALL(H5Dget_space)(table);
    hid_t type = CALL(H5Dget_type)(table);
    *rank = CALL(H5Sget_simple_extent_ndims)(space);
    sizes[0] = sizes[1] = 0;
    if (*rank == 1 || *rank == 2) CALL(H5Sget_simple_extent_dims)(space, sizes, NULL);
    int kind = CALL(H5Tget_class)(type);
    *is_number = kind == 0 || kind == 1;
    CALL(H5Tclose)(type);
    CALL(H5Sclose)(space);
  }
  pthread_mutex_unlock(&turn);
  return table;
}

void adbvec_hdf5_close_table(int64_t table) {
  pthread_mutex_lock(&turn);
  CALL(H5Dclose)(table);
  pthread_mutex_unlock(&turn);
}

int adbvec_hdf5_read(int64_t table, uint64_t first, uint64_t rows, uint64_t columns, float *values) {
  const hsize_t start[2] = {first, 0}, count[2] = {rows, columns};
  pthread_mutex_lock(&turn);
  hid_t file = CALL(H5Dget_space)(table);
  hid_t memory = CALL(H5Screate_simple)(2, count, NULL);
  hid_t *type = (hid_t *)lazy_library_function(chosen, "H5T_NATIVE_FLOAT_g");
  int done = file >= 0 && memory >= 0 && CALL(H5Sselect_hyperslab)(file, 0, start, NULL, count, NULL) >= 0 &&
             CALL(H5Dread)(table, *type, memory, file, 0, values) >= 0;
  if (memory >= 0) CALL(H5Sclose)(memory);
  if (file >= 0) CALL(H5Sclose)(file);
  pthread_mutex_unlock(&turn);
  return done;
}
