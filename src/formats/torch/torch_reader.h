/*
 * What PyTorch's two containers have in common: a pickle that describes tensors over storages. A container opens a
 * reader, hands it the pickle, gathers the storages that it mentions, finds the bytes of each, and finishes: then the
 * tensors are in the set, and the numbers and texts beside them are its metadata.
 */
#ifndef FORMATS_TORCH_TORCH_READER_H
#define FORMATS_TORCH_TORCH_READER_H

#include "formats/blob.h"
#include "formats/names.h"
#include "formats/torch/pickle.h"
#include "reshift/tensors.h"

#define TORCH_NAME_BYTES_MAX 2048

/* A storage by its key, and its bytes once they were found. */
typedef struct torch_storage {
    const pickle_storage *about;
    size_t bytes;
    blob *b;
} torch_storage;

typedef struct torch_reader {
    blob *file;
    const char *name;
    reshift_error *error;
    pickle *p;
    torch_storage *storages;
    size_t n_storages;
    names keys;
    size_t budget_bytes; /* what tensors and storages may take that cannot be views */
    bool big_endian;     /* the elements of the storages */
    reshift_tensors *tensors;
    char path[TORCH_NAME_BYTES_MAX]; /* of the value being read */
} torch_reader;

/** A reader of the file `b`, called `name` in messages. Nothing is read yet. */
void torch_reader_open(torch_reader *r, blob *b, const char *name, reshift_tensors *tensors, reshift_error *error);
/** Drops the storages and the pickle. */
void torch_reader_close(torch_reader *r);
/** One storage a key, without bytes, out of r->p. Errors: FORMAT, MEMORY. */
reshift_status torch_reader_gather(torch_reader *r);
/**
 * Adds tensors and metadata to the set. Errors: FORMAT (a storage without bytes, a tensor beyond its storage),
 * MEMORY.
 */
reshift_status torch_reader_finish(torch_reader *r);

#endif
