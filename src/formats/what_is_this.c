/*
 * Recognises files that users pass by mistake: pointers, pages and error messages saved in place of a download, and
 * formats of other readers. Binary kinds are found by a table of magic numbers. Text kinds are compared
 * case-insensitively after skipping white space and a byte order mark.
 */
#include "formats/what_is_this.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "formats/blob.h"

#define TEXT_BYTES_SEEN 4096 /* number of bytes examined to distinguish text from binary */
#define ZIP_HEADER_BYTES 30  /* of an entry's header, before its name */

static const char download_hint[] =
    "the server answered with this instead of the file: open it in an editor to read why, then download the file again";

typedef struct magic {
    size_t offset, count;
    const char *bytes, *words, *hint;
} magic;

static const magic magics[] = {
    {0, 6, "\x93NUMPY", "a NumPy array (.npy)", NULL},
    {0, 3, "\xff\xd8\xff", "a JPEG image", NULL},
    {0, 8, "\x89PNG\r\n\x1a\n", "a PNG image", NULL},
    {0, 6, "GIF87a", "a GIF image", "convert it to PNG or JPEG"},
    {0, 6, "GIF89a", "a GIF image", "convert it to PNG or JPEG"},
    {8, 4, "WEBP", "a WebP image", NULL},
    {0, 4, "II*\0", "a TIFF image", "convert it to PNG or JPEG"},
    {0, 4, "MM\0*", "a TIFF image", "convert it to PNG or JPEG"},
    {4, 8, "ftypheic", "an HEIC image", "convert it to PNG or JPEG"},
    {4, 8, "ftypavif", "an AVIF image", "convert it to PNG or JPEG"},
    {0, 8, "\x89HDF\r\n\x1a\n", "an HDF5 file (Keras weights are such)", NULL},
    {0, 4, "GGUF", "a GGUF file", NULL},
    {0, 10, "MATLAB 5.0", "a MATLAB file", NULL},
    {0, 5, "%PDF-", "a PDF document", NULL},
    {0, 4,
     "\x7f"
     "ELF",
     "a program (ELF)", NULL},
    {0, 2, "\x1f\x8b", "gzip data", "unpack it first: gunzip FILE.gz"},
    {0, 3, "BZh", "bzip2 data", "unpack it first: bunzip2 FILE.bz2"},
    {0, 6,
     "\xfd"
     "7zXZ\0",
     "xz data", "unpack it first: unxz FILE.xz"},
    {0, 4, "\x28\xb5\x2f\xfd", "zstd data", "unpack it first: unzstd FILE.zst"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"},
    {0, 6, "Rar!\x1a\x07", "a RAR archive", "unpack it first"},
    {257, 5, "ustar", "a tar archive", "unpack it first: tar xf FILE.tar"},
    {0, 14, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", "a PyTorch checkpoint", NULL},
};

typedef struct opening {
    const char *text, *words, *hint;
} opening;

static const opening openings[] = {
    {"version https://git-lfs.github.com/spec/", "a Git LFS pointer, a small text in place of the file",
     "the file itself was not downloaded: 'git lfs pull' in its repository fetches it"},
    {"<!doctype html", "an HTML page",
     "a web page was saved instead of the file: download it by the link of the raw file"},
    {"<html", "an HTML page", "a web page was saved instead of the file: download it by the link of the raw file"},
    {"<?xml", "an XML document, such as a storage server's error message", download_hint},
    {"<error>", "an XML document, such as a storage server's error message", download_hint},
    {"{\"error", "a JSON error message", download_hint},
    {"{\"message", "a JSON error message", download_hint},
};

static bool ends_with(const char *name, size_t length, const char *ending)
{
    size_t n = strlen(ending);
    return length >= n && memcmp(name + length - n, ending, n) == 0;
}

static uint16_t little_16(const uint8_t *bytes) { return (uint16_t)(bytes[0] | bytes[1] << 8); }

/* Classifies a zip by the name of its first entry. */
static const char *zip_words(const uint8_t *bytes, size_t size)
{
    size_t length = size >= ZIP_HEADER_BYTES ? little_16(bytes + 26) : 0;
    if (length > size - (size < ZIP_HEADER_BYTES ? size : ZIP_HEADER_BYTES)) {
        length = 0;
    }
    const char *name = (const char *)bytes + (length ? ZIP_HEADER_BYTES : 0);
    return ends_with(name, length, ".npy")        ? "a NumPy archive (.npz)"
           : ends_with(name, length, "/data.pkl") ? "a PyTorch checkpoint"
                                                  : "a zip archive";
}

/* True for printable ASCII, UTF-8 or Latin-1 with the usual white space. */
static bool is_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size && i < TEXT_BYTES_SEEN; i++) {
        if ((bytes[i] < 32 && !strchr("\t\n\r\f", bytes[i])) || bytes[i] == 0 || bytes[i] == 127) {
            return false;
        }
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size && i < TEXT_BYTES_SEEN; i++) {
        if (bytes[i]) {
            return false;
        }
    }
    return true;
}

static file_kind text_kind(const uint8_t *bytes, size_t size)
{
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        bytes += 3;
        size -= 3;
    }
    while (size > 0 && strchr(" \t\r\n", *bytes) && *bytes) {
        bytes++;
        size--;
    }
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        size_t length = strlen(openings[i].text);
        if (size >= length && strncasecmp((const char *)bytes, openings[i].text, length) == 0) {
            return (file_kind){openings[i].words, openings[i].hint};
        }
    }
    return (file_kind){size > 0 && (*bytes == '{' || *bytes == '[') ? "JSON text" : "text", NULL};
}

file_kind what_is_this(const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return (file_kind){"an empty file", NULL};
    }
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const magic *m = &magics[i];
        if (size >= m->offset + m->count && memcmp(bytes + m->offset, m->bytes, m->count) == 0) {
            return (file_kind){m->words, m->hint};
        }
    }
    if (size >= 4 && (memcmp(bytes, "PK\x03\x04", 4) == 0 || memcmp(bytes, "PK\x05\x06", 4) == 0)) {
        return (file_kind){zip_words(bytes, size), NULL};
    }
    if (size > 8 && bytes[8] == '{' && bytes[5] == 0 && bytes[6] == 0 && bytes[7] == 0) {
        return (file_kind){"a safetensors checkpoint", NULL};
    }
    if (size >= 2 && bytes[0] == 0x80 && bytes[1] >= 1 && bytes[1] <= 5) {
        return (file_kind){"a Python pickle", NULL};
    }
    if (is_text(bytes, size)) {
        return text_kind(bytes, size);
    }
    if (is_zero(bytes, size)) {
        return (file_kind){"a file of zeros", "an interrupted download or copy leaves such a file: fetch it again"};
    }
    return (file_kind){size >= 2 && memcmp(bytes, "BM", 2) == 0 ? "a BMP image" : "other bytes", NULL};
}

reshift_status refuse_kind(reshift_error *error, reshift_status code, const char *name, const char *expected,
                           const uint8_t *bytes, size_t size, const char *hint)
{
    file_kind kind = what_is_this(bytes, size);
    refuse(error, code, name, 0, "expected %s, found %s", expected, kind.words);
    if (kind.hint || hint) {
        error_hint(error, "%s", kind.hint ? kind.hint : hint);
    }
    return code;
}
