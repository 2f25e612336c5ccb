#ifndef ADBVEC_CHDF5_H
#define ADBVEC_CHDF5_H

#include <stddef.h>
#include <stdint.h>

/* Tables of numbers in HDF5 files, read by libhdf5, which is opened with the first call. The few functions that are used
 * are declared by the shim, so that building needs none of its headers. A file is read in a process of its own: when that
 * ends on a damaged file, the calls fail as for any other that cannot be read. A file is used by one thread at a time. */

/* NULL when libhdf5 can be used; else one line that says why not. The other functions are only called after that. */
const char *adbvec_hdf5_problem(void);

struct adbvec_hdf5;

/* A file; NULL when it cannot be opened. */
struct adbvec_hdf5 *adbvec_hdf5_open(const char *path);
void adbvec_hdf5_close(struct adbvec_hdf5 *file);

/* The number of links at the file's top, and the name of one, cut at 255 bytes; 0 bytes when it has none. */
uint64_t adbvec_hdf5_count(struct adbvec_hdf5 *file);
size_t adbvec_hdf5_name(struct adbvec_hdf5 *file, uint64_t index, char *name, size_t size);

/* Opens the table of numbers with a name: negative when there is none. `rank` dimensions, of which up to two are put into
 * `sizes`; `is_number` tells whether its elements are integers or floats. */
int64_t adbvec_hdf5_table(struct adbvec_hdf5 *file, const char *name, int *rank, uint64_t sizes[2], int *is_number);
void adbvec_hdf5_close_table(struct adbvec_hdf5 *file, int64_t table);

/* Reads rows of a table of two dimensions as floats; 0 when it fails. */
int adbvec_hdf5_read(struct adbvec_hdf5 *file, int64_t table, uint64_t first, uint64_t rows, uint64_t columns,
                     float *values);

#endif
