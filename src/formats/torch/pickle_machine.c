/*
 * Parts of the unpickling machine: error messages, the stack and its marks, and the operands of opcodes (numbers,
 * texts). pickle_opcodes.c implements the opcodes with them.
 */
#include "formats/torch/pickle_machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "formats/layout.h"
#include "reshift/words.h"

reshift_status pickle_damaged(pickle_machine *m, const char *format, ...)
{
    char words[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return refuse(m->error, RESHIFT_ERROR_FORMAT, m->name, m->offset + (int64_t)m->at, "pickle: %s", words);
}

reshift_status pickle_unsupported(pickle_machine *m, const char *format, ...)
{
    char words[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return refuse(m->error, RESHIFT_ERROR_UNSUPPORTED, m->name, m->offset + (int64_t)m->at, "pickle: %s", words);
}

reshift_status pickle_no_memory(pickle_machine *m)
{
    return refuse(m->error, RESHIFT_ERROR_MEMORY, m->name, m->offset + (int64_t)m->at,
                  "pickle: its values take more memory than there is or than is allowed");
}

/* Makes room for one more element in a growing array of n. */
static bool grow(void **array, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity) {
        return true;
    }
    size_t wanted = *capacity ? 2 * *capacity : 64;
    void *larger = realloc(*array, wanted * size);
    if (larger) {
        *array = larger;
        *capacity = wanted;
    }
    return larger;
}

reshift_status machine_push(pickle_machine *m, pickle_value *value)
{
    if (!value || !grow((void **)&m->stack, m->n_stack, &m->stack_capacity, sizeof *m->stack)) {
        return pickle_no_memory(m);
    }
    m->stack[m->n_stack++] = value;
    return RESHIFT_OK;
}

/* Number of values above the last mark. */
size_t machine_depth(const pickle_machine *m) { return m->n_stack - (m->n_marks ? m->marks[m->n_marks - 1] : 0); }

pickle_value *machine_top(const pickle_machine *m) { return m->stack[m->n_stack - 1]; }

reshift_status machine_need(pickle_machine *m, size_t n)
{
    return machine_depth(m) >= n
               ? RESHIFT_OK
               : pickle_damaged(m, "expected %zu values on the stack, found %zu", n, machine_depth(m));
}

static reshift_status take(pickle_machine *m, size_t count, const uint8_t **bytes)
{
    if (count > m->size - m->at) {
        return pickle_damaged(m, "it ends within a value of %zu %s", count,
                              reshift_noun_for((int64_t)count, "byte", "bytes"));
    }
    *bytes = m->bytes + m->at;
    m->at += count;
    return RESHIFT_OK;
}

reshift_status machine_take_number(pickle_machine *m, size_t width, uint64_t *number)
{
    const uint8_t *bytes = NULL;
    reshift_status status = take(m, width, &bytes);
    *number = 0;
    for (size_t i = width; status == RESHIFT_OK && i-- > 0;) {
        *number = *number << 8 | bytes[i];
    }
    return status;
}

/* Reads text up to a newline into `line`. */
reshift_status machine_take_line(pickle_machine *m, char *line, size_t size)
{
    size_t length = 0;
    while (m->at + length < m->size && length < size && m->bytes[m->at + length] != '\n') {
        length++;
    }
    if (m->at + length >= m->size || length >= size) {
        return pickle_damaged(m, "a line of text that does not end");
    }
    memcpy(line, m->bytes + m->at, length);
    line[length] = '\0';
    m->at += length + 1;
    return RESHIFT_OK;
}

reshift_status machine_push_int(pickle_machine *m, int64_t integer)
{
    pickle_value *value = pickle_new(m->p, PICKLE_INT);
    if (value) {
        value->integer = integer;
    }
    return machine_push(m, value);
}

reshift_status machine_push_bool(pickle_machine *m, bool boolean)
{
    pickle_value *value = pickle_new(m->p, PICKLE_BOOL);
    if (value) {
        value->boolean = boolean;
    }
    return machine_push(m, value);
}

reshift_status machine_push_text(pickle_machine *m, pickle_kind kind, size_t width)
{
    uint64_t length = 0;
    const uint8_t *text = NULL;
    reshift_status status = machine_take_number(m, width, &length);
    if (status == RESHIFT_OK) {
        status = take(m, length, &text);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    if (kind == PICKLE_TEXT && !text_is_utf8(text, length)) {
        return pickle_damaged(m, "a text that is not UTF-8");
    }
    pickle_value *value = pickle_new(m->p, kind);
    if (value) {
        value->text = (const char *)text;
        value->length = length;
    }
    return machine_push(m, value);
}

/* LONG1 and LONG4: little-endian two's complement of any length. */
reshift_status machine_push_long(pickle_machine *m, size_t width)
{
    uint64_t length = 0;
    const uint8_t *bytes = NULL;
    reshift_status status = machine_take_number(m, width, &length);
    if (status == RESHIFT_OK) {
        status = take(m, length, &bytes);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    if (length <= 8) {
        uint64_t number = length > 0 && bytes[length - 1] & 0x80 ? UINT64_MAX : 0;
        for (size_t i = length; i-- > 0;) {
            number = number << 8 | bytes[i];
        }
        return machine_push_int(m, (int64_t)number);
    }
    pickle_value *value = pickle_new(m->p, PICKLE_LONG);
    if (value) {
        value->text = (const char *)bytes;
        value->length = length;
    }
    return machine_push(m, value);
}

reshift_status machine_push_float(pickle_machine *m)
{
    const uint8_t *bytes = NULL;
    reshift_status status = take(m, 8, &bytes);
    if (status != RESHIFT_OK) {
        return status;
    }
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) {
        bits = bits << 8 | bytes[i];
    }
    pickle_value *value = pickle_new(m->p, PICKLE_FLOAT);
    if (value) {
        memcpy(&value->number, &bits, sizeof bits);
    }
    return machine_push(m, value);
}

/* Python 2 wrote integers beyond 32 bits as text in every protocol. */
reshift_status machine_push_int_line(pickle_machine *m)
{
    char line[32], *end;
    reshift_status status = machine_take_line(m, line, sizeof line);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (strcmp(line, "00") == 0 || strcmp(line, "01") == 0) {
        return machine_push_bool(m, line[1] == '1');
    }
    long long number = strtoll(line, &end, 10);
    return *line && !*end ? machine_push_int(m, number) : pickle_damaged(m, "expected an integer, found '%s'", line);
}

/*
 * Protocol 1 writes every integer beyond 32 bits as decimal text. This converts it to PICKLE_LONG's format: digit by
 * digit, magnitude times 10 plus the digit in little-endian bytes, then the two's complement if negative.
 */
reshift_status machine_push_long_line(pickle_machine *m)
{
    char line[1200];
    reshift_status status = machine_take_line(m, line, sizeof line);
    if (status != RESHIFT_OK) {
        return status;
    }
    const char *digits = line + (*line == '-');
    size_t n = strspn(digits, "0123456789");
    if (n == 0 || (digits[n] && strcmp(digits + n, "L") != 0)) {
        return pickle_damaged(m, "expected an integer, found '%.40s'", line);
    }
    if (n <= 18) {
        return machine_push_int(m, strtoll(line, NULL, 10));
    }
    size_t length = n / 2 + 2; /* a digit takes less than half a byte; one more byte for the sign */
    uint8_t *bytes = pickle_allocate(m->p, length, 1);
    pickle_value *value = bytes ? pickle_new(m->p, PICKLE_LONG) : NULL;
    if (!value) {
        return pickle_no_memory(m);
    }
    for (size_t d = 0; d < n; d++) {
        unsigned carry = (unsigned)(digits[d] - '0');
        for (size_t i = 0; i < length; i++) {
            carry += bytes[i] * 10u;
            bytes[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    if (*line == '-') {
        unsigned carry = 1;
        for (size_t i = 0; i < length; i++) {
            carry += (uint8_t)~bytes[i];
            bytes[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    uint8_t sign = *line == '-' ? 0xff : 0;
    while (length > 1 && bytes[length - 1] == sign && (bytes[length - 2] & 0x80) == (sign & 0x80)) {
        length--;
    }
    value->text = (const char *)bytes;
    value->length = length;
    return machine_push(m, value);
}

reshift_status machine_mark(pickle_machine *m)
{
    if (!grow((void **)&m->marks, m->n_marks, &m->marks_capacity, sizeof *m->marks)) {
        return pickle_no_memory(m);
    }
    m->marks[m->n_marks++] = m->n_stack;
    return RESHIFT_OK;
}

/* Removes the last mark. *items points to the *n values above it; they are popped. */
reshift_status machine_unmark(pickle_machine *m, pickle_value ***items, size_t *n)
{
    if (m->n_marks == 0) {
        return pickle_damaged(m, "expected a mark, found none");
    }
    size_t begin = m->marks[--m->n_marks];
    *n = m->n_stack - begin;
    *items = m->stack ? m->stack + begin : NULL;
    m->n_stack = begin;
    return RESHIFT_OK;
}

reshift_status pickle_push_item(pickle_machine *m, pickle_value *container, pickle_value *item)
{
    pickle_container *extra = container->other;
    /* the length of a dict counts pairs: callers increment it */
    size_t n = container->length;
    if (n == extra->capacity) {
        size_t capacity = n ? 2 * n : 4;
        pickle_value **items = pickle_allocate(m->p, capacity, sizeof *items);
        if (!items) {
            return pickle_no_memory(m);
        }
        if (n) {
            memcpy(items, container->items, n * sizeof *items);
        }
        container->items = items;
        extra->capacity = capacity;
    }
    container->items[container->length++] = item;
    return RESHIFT_OK;
}
