/*
 * The common part of PyTorch's two containers: a pickle that describes tensors over storages. A container opens a
 * reader, hands it the pickle, gathers the storages referred to, finds the bytes of each, and finishes. Then the set
 * contains the tensors, and as metadata the numbers and texts of the file.
 */
#ifndef FORMATS_TORCH_TORCH_READER_H
#define FORMATS_TORCH_TORCH_READER_H

#include "formats/blob.h"
#include "formats/names.h"
#include "formats/torch/pickle.h"
#include "reshift/tensors.h"

#define TORCH_NAME_BYTES_MAX 2048

/* A storage by key; its bytes are set when they are found. */
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
    size_t budget_bytes; /* limit for tensors and storages that need copies */
    bool big_endian;     /* byte order of the storages */
    reshift_tensors *tensors;
    char path[TORCH_NAME_BYTES_MAX]; /* of the value being read */
} torch_reader;

/** Creates a reader of the file `b`, called `name` in messages. Reads nothing yet. */
void torch_reader_open(torch_reader *r, blob *b, const char *name, reshift_tensors *tensors, reshift_error *error);
/** Drops the storages and the pickle. */
void torch_reader_close(torch_reader *r);
/** Collects one storage per key, without bytes, from r->p. Errors: FORMAT, MEMORY. */
reshift_status torch_reader_gather(torch_reader *r);
/**
 * Adds tensors and metadata to the set. Errors: FORMAT (a storage without bytes, a tensor beyond its storage), MEMORY.
 */
reshift_status torch_reader_finish(torch_reader *r);

#endif
