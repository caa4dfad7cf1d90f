/*
 * The opcodes of Python's pickles, protocols 1 to 5 (described in Python's Lib/pickletools.py): a stack with marks, and
 * a memo. Every opcode that calls something goes through pickle_construct.c, whose table lists everything that can be
 * constructed. Objects of other classes are placeholders, which accept items and state like real objects.
 */
#include <stdlib.h>
#include <string.h>

#include "formats/torch/pickle_machine.h"

#define GLOBAL_BYTES 512 /* of a module or class name, with its NUL */

/*
 * The container of this kind that receives items for the top of the stack: the top itself, or an object's content,
 * which starts empty.
 */
static reshift_status filled_by_items(pickle_machine *m, pickle_kind kind, pickle_value **container)
{
    pickle_value *top = machine_depth(m) < 1 ? NULL : machine_top(m);
    if (top && top->kind == PICKLE_OBJECT && !top->content) {
        top->content = pickle_new(m->p, kind);
        if (!top->content) {
            return pickle_no_memory(m);
        }
    }
    *container = top && top->kind == PICKLE_OBJECT ? top->content : top;
    return *container && (*container)->kind == kind
               ? RESHIFT_OK
               : pickle_damaged(m, kind == PICKLE_LIST ? "expected a list to append to" : "expected a dict to fill");
}

static reshift_status append(pickle_machine *m, pickle_value **items, size_t n)
{
    pickle_value *list = NULL;
    reshift_status status = filled_by_items(m, PICKLE_LIST, &list);
    for (size_t i = 0; i < n && status == RESHIFT_OK; i++) {
        status = pickle_push_item(m, list, items[i]);
    }
    return status;
}

static bool hashable(const pickle_value *key)
{
    return key->kind != PICKLE_LIST && key->kind != PICKLE_DICT && key->kind != PICKLE_ARRAY;
}

static reshift_status set_items(pickle_machine *m, pickle_value *dict, pickle_value **items, size_t n)
{
    if (n % 2 != 0) {
        return pickle_damaged(m, "a key of a dict without its value");
    }
    dict->length *= 2;
    reshift_status status = RESHIFT_OK;
    for (size_t i = 0; i < n && status == RESHIFT_OK; i++) {
        if (i % 2 == 0 && !hashable(items[i])) {
            status = pickle_damaged(m, "a list, dict or array as the key of a dict");
        } else {
            status = pickle_push_item(m, dict, items[i]);
        }
    }
    dict->length /= 2;
    return status;
}

static reshift_status set_items_of_top(pickle_machine *m, pickle_value **items, size_t n)
{
    pickle_value *dict = NULL;
    reshift_status status = filled_by_items(m, PICKLE_DICT, &dict);
    return status == RESHIFT_OK ? set_items(m, dict, items, n) : status;
}

static reshift_status push_container(pickle_machine *m, pickle_kind kind, pickle_value **items, size_t n)
{
    pickle_value *value = pickle_new(m->p, kind);
    if (!value) {
        return pickle_no_memory(m);
    }
    reshift_status status = RESHIFT_OK;
    if (kind == PICKLE_DICT) {
        status = set_items(m, value, items, n);
    }
    for (size_t i = 0; kind != PICKLE_DICT && i < n && status == RESHIFT_OK; i++) {
        status = pickle_push_item(m, value, items[i]);
    }
    return status == RESHIFT_OK ? machine_push(m, value) : status;
}

static reshift_status push_short_tuple(pickle_machine *m, size_t n)
{
    reshift_status status = machine_need(m, n);
    if (status == RESHIFT_OK) {
        m->n_stack -= n;
        status = push_container(m, PICKLE_TUPLE, m->stack + m->n_stack, n);
    }
    return status;
}

static reshift_status memorize(pickle_machine *m, uint64_t index)
{
    reshift_status status = machine_need(m, 1);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (index >= m->size) { /* every entry takes bytes of the pickle, and Python numbers them from 0 or 1 */
        return pickle_damaged(m, "memo entry %llu in a pickle of %zu bytes", (unsigned long long)index, m->size);
    }
    if (index >= m->memo_capacity) {
        size_t capacity = m->memo_capacity ? m->memo_capacity : 256;
        while (capacity <= index) {
            capacity *= 2;
        }
        pickle_value **memo = realloc(m->memo, capacity * sizeof *memo);
        if (!memo) {
            return pickle_no_memory(m);
        }
        memset(memo + m->memo_capacity, 0, (capacity - m->memo_capacity) * sizeof *memo);
        m->memo = memo;
        m->memo_capacity = capacity;
    }
    m->n_memo += !m->memo[index];
    m->memo[index] = machine_top(m);
    return RESHIFT_OK;
}

static reshift_status recall(pickle_machine *m, uint64_t index)
{
    if (index >= m->memo_capacity || !m->memo[index]) {
        return pickle_damaged(m, "memo entry %llu was never made", (unsigned long long)index);
    }
    return machine_push(m, m->memo[index]);
}

static reshift_status take_global(pickle_machine *m, pickle_value **value)
{
    char module[GLOBAL_BYTES], name[GLOBAL_BYTES];
    reshift_status status = machine_take_line(m, module, sizeof module);
    if (status == RESHIFT_OK) {
        status = machine_take_line(m, name, sizeof name);
    }
    return status == RESHIFT_OK ? pickle_resolve_global(m, module, name, value) : status;
}

static reshift_status global_by_lines(pickle_machine *m)
{
    pickle_value *value = NULL;
    reshift_status status = take_global(m, &value);
    return status == RESHIFT_OK ? machine_push(m, value) : status;
}

static reshift_status global_by_stack(pickle_machine *m)
{
    reshift_status status = machine_need(m, 2);
    if (status != RESHIFT_OK) {
        return status;
    }
    char words[2][GLOBAL_BYTES];
    for (size_t i = 0; i < 2; i++) {
        const pickle_value *text = m->stack[m->n_stack - 2 + i];
        if (text->kind != PICKLE_TEXT || text->length >= sizeof words[i] || memchr(text->text, 0, text->length)) {
            return pickle_damaged(m, "expected the name of a global");
        }
        memcpy(words[i], text->text, text->length);
        words[i][text->length] = '\0';
    }
    m->n_stack -= 2;
    pickle_value *value = NULL;
    status = pickle_resolve_global(m, words[0], words[1], &value);
    return status == RESHIFT_OK ? machine_push(m, value) : status;
}

static reshift_status call(pickle_machine *m)
{
    reshift_status status = machine_need(m, 2);
    if (status != RESHIFT_OK) {
        return status;
    }
    m->n_stack -= 2;
    pickle_value *value = NULL;
    status = pickle_call(m, m->stack[m->n_stack], m->stack[m->n_stack + 1], &value);
    return status == RESHIFT_OK ? machine_push(m, value) : status;
}

/*
 * Calls of protocol 1: a class and its arguments above a mark; the class is on the stack ('o') or named in lines ('i').
 */
static reshift_status call_marked(pickle_machine *m, int opcode)
{
    pickle_value *class = NULL, *value = NULL, *arguments = pickle_new(m->p, PICKLE_TUPLE), **items = NULL;
    size_t n = 0, first = opcode == 'o';
    reshift_status status = opcode == 'i' ? take_global(m, &class) : RESHIFT_OK;
    if (status == RESHIFT_OK) {
        status = machine_unmark(m, &items, &n);
    }
    if (status == RESHIFT_OK && n < first) {
        status = pickle_damaged(m, "expected a class above the mark");
    }
    if (status == RESHIFT_OK && !arguments) {
        status = pickle_no_memory(m);
    }
    for (size_t i = first; i < n && status == RESHIFT_OK; i++) {
        status = pickle_push_item(m, arguments, items[i]);
    }
    if (status == RESHIFT_OK) {
        status = pickle_call(m, first ? items[0] : class, arguments, &value);
    }
    return status == RESHIFT_OK ? machine_push(m, value) : status;
}

/* A class, its arguments, and keyword arguments, which are ignored. */
static reshift_status call_with_names(pickle_machine *m)
{
    reshift_status status = machine_need(m, 3);
    if (status == RESHIFT_OK) {
        m->n_stack--;
        status = call(m);
    }
    return status;
}

static reshift_status set_state(pickle_machine *m)
{
    reshift_status status = machine_need(m, 2);
    if (status != RESHIFT_OK) {
        return status;
    }
    m->n_stack--;
    return pickle_set_state(m, machine_top(m), m->stack[m->n_stack]);
}

static reshift_status persistent(pickle_machine *m)
{
    reshift_status status = machine_need(m, 1);
    pickle_value *value = NULL;
    if (status == RESHIFT_OK) {
        m->n_stack--;
        status = pickle_persistent(m, m->stack[m->n_stack], &value);
    }
    return status == RESHIFT_OK ? machine_push(m, value) : status;
}

/* Opcodes followed by one number that is an index or is skipped. */
static reshift_status step_number(pickle_machine *m, int opcode)
{
    uint64_t number = 0;
    size_t width = opcode == 'J' || opcode == 'r' || opcode == 'j' ? 4 : opcode == 'M' ? 2 : opcode == 0x95 ? 8 : 1;
    reshift_status status = machine_take_number(m, width, &number);
    if (status != RESHIFT_OK) {
        return status;
    }
    switch (opcode) {
    case 0x80: /* PROTO */
        return number <= 5 ? RESHIFT_OK
                           : pickle_unsupported(m, "expected protocol 1 to 5, found %llu", (unsigned long long)number);
    case 0x95: /* FRAME: a size for buffering, ignored */
        return number <= m->size - m->at ? RESHIFT_OK : pickle_damaged(m, "a frame that goes beyond the end");
    case 'J': return machine_push_int(m, (int32_t)(uint32_t)number);
    case 'M':
    case 'K': return machine_push_int(m, (int64_t)number);
    case 'q':
    case 'r': return memorize(m, number);
    default: return recall(m, number); /* 'h', 'j' */
    }
}

/* Opcodes that take all values above the last mark. */
static reshift_status step_marked(pickle_machine *m, int opcode)
{
    pickle_value **items = NULL;
    size_t n = 0;
    reshift_status status = machine_unmark(m, &items, &n);
    if (status != RESHIFT_OK) {
        return status;
    }
    switch (opcode) {
    case 'e':
    case 0x90: return append(m, items, n); /* ADDITEMS: a set becomes a list */
    case 'u': return set_items_of_top(m, items, n);
    case 't': return push_container(m, PICKLE_TUPLE, items, n);
    case 'l':
    case 0x91: return push_container(m, PICKLE_LIST, items, n); /* FROZENSET */
    case 'd': return push_container(m, PICKLE_DICT, items, n);
    default: return RESHIFT_OK; /* '1', POP_MARK */
    }
}

static reshift_status step(pickle_machine *m, int opcode)
{
    reshift_status status;
    switch (opcode) {
    case 0x80:
    case 0x95:
    case 'J':
    case 'K':
    case 'M':
    case 'q':
    case 'r':
    case 'h':
    case 'j': return step_number(m, opcode);
    case '(': return machine_mark(m);
    case '1':
    case 'e':
    case 'u':
    case 't':
    case 'l':
    case 'd':
    case 0x90:
    case 0x91: return step_marked(m, opcode);
    case '0': /* POP removes a mark if there is no value above it */
        if (machine_depth(m) == 0 && m->n_marks > 0) {
            m->n_marks--;
            return RESHIFT_OK;
        }
        status = machine_need(m, 1);
        m->n_stack -= status == RESHIFT_OK;
        return status;
    case '2': return (status = machine_need(m, 1)) == RESHIFT_OK ? machine_push(m, machine_top(m)) : status;
    case 'N': return machine_push(m, pickle_new(m->p, PICKLE_NONE));
    case 0x88: return machine_push_bool(m, true);
    case 0x89: return machine_push_bool(m, false);
    case 'I': return machine_push_int_line(m);
    case 'L': return machine_push_long_line(m);
    case 0x8a: return machine_push_long(m, 1);
    case 0x8b: return machine_push_long(m, 4);
    case 'G': return machine_push_float(m);
    case 'U': return machine_push_text(m, PICKLE_BYTES, 1);
    case 'T': return machine_push_text(m, PICKLE_BYTES, 4);
    case 'C': return machine_push_text(m, PICKLE_BYTES, 1);
    case 'B': return machine_push_text(m, PICKLE_BYTES, 4);
    case 0x8e:
    case 0x96: return machine_push_text(m, PICKLE_BYTES, 8);
    case 0x8c: return machine_push_text(m, PICKLE_TEXT, 1);
    case 'X': return machine_push_text(m, PICKLE_TEXT, 4);
    case 0x8d: return machine_push_text(m, PICKLE_TEXT, 8);
    case ']':
    case 0x8f: return push_container(m, PICKLE_LIST, NULL, 0); /* also EMPTY_SET */
    case ')': return push_container(m, PICKLE_TUPLE, NULL, 0);
    case '}': return push_container(m, PICKLE_DICT, NULL, 0);
    case 0x85: return push_short_tuple(m, 1);
    case 0x86: return push_short_tuple(m, 2);
    case 0x87: return push_short_tuple(m, 3);
    case 'a':
        if ((status = machine_need(m, 2)) != RESHIFT_OK) {
            return status;
        }
        m->n_stack -= 1;
        return append(m, m->stack + m->n_stack, 1);
    case 's':
        if ((status = machine_need(m, 3)) != RESHIFT_OK) {
            return status;
        }
        m->n_stack -= 2;
        return set_items_of_top(m, m->stack + m->n_stack, 2);
    case 0x94: return memorize(m, m->n_memo);
    case 'c': return global_by_lines(m);
    case 0x93: return global_by_stack(m);
    case 'R':
    case 0x81: return call(m);
    case 'b': return set_state(m);
    case 'Q': return persistent(m);
    case 'i':
    case 'o': return call_marked(m, opcode);
    case 0x92: return call_with_names(m);
    case 'S':
    case 'V':
    case 'F':
    case 'p':
    case 'g':
    case 'P': return pickle_unsupported(m, "expected protocol 1 to 5, found an opcode of protocol 0");
    default: return pickle_unsupported(m, "opcode 0x%02x, which is not of the restricted set", (unsigned)opcode);
    }
}

reshift_status pickle_run(pickle_machine *m, pickle_value **root)
{
    reshift_status status = RESHIFT_OK; /* protocol 1 does not start with a PROTO opcode */
    while (status == RESHIFT_OK) {
        if (m->at >= m->size) {
            return pickle_damaged(m, "it ends without STOP");
        }
        int opcode = m->bytes[m->at++];
        if (opcode == '.') {
            if (m->n_stack != 1 || m->n_marks != 0) {
                return pickle_damaged(m, "expected one value at its end, found %zu", m->n_stack);
            }
            *root = m->stack[0];
            return RESHIFT_OK;
        }
        status = step(m, opcode);
    }
    return status;
}
