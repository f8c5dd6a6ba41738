#include "chunk.h"
#include "shim.h"

#include <stddef.h>
#include <string.h>

// More of DuckDB's C API.
extern void duckdb_scalar_function_set_error(void *info, const char *error);
extern void *duckdb_scalar_function_get_extra_info(void *info);

// DuckDB's handle of a string: its length, and its bytes if they are few, else a
// prefix and where they are.
typedef struct {
	uint32_t length;
	char inlined[4];
	const char *bytes;
} string_handle;

typedef struct {
	const char *at, *end;
} text;

static text text_of(const string_handle *s) {
	const char *at = s->length <= 12 ? s->inlined : s->bytes;
	return (text){at, at + s->length};
}

static const char *next_character(const char *at, const char *end) {
	for (at++; at < end && (*at & 0xC0) == 0x80; at++) {}
	return at;
}

// What a pattern is made of: how long the first item of it is, and what it says.
typedef enum { ITEM_BYTE, ITEM_CHARACTER, ITEM_ANY, ITEM_CLASS, ITEM_BROKEN } item;
typedef item (*reader)(text pattern, int escape, int *length, char *byte);

static item read_like(text p, int escape, int *length, char *byte) {
	*length = 1;
	*byte = *p.at;
	if (escape >= 0 && *p.at == (char)escape) {
		if (p.at + 1 == p.end) return ITEM_BROKEN;
		*length = 2;
		*byte = p.at[1];
		return ITEM_BYTE;
	}
	return *byte == '%' ? ITEM_ANY : *byte == '_' ? ITEM_CHARACTER : ITEM_BYTE;
}

static item read_glob(text p, int escape, int *length, char *byte) {
	(void)escape;
	*length = 1;
	*byte = *p.at;
	switch (*byte) {
	case '*':
		return ITEM_ANY;
	case '?':
		return ITEM_CHARACTER;
	case '[':
		return ITEM_CLASS;
	case '\\':
		if (p.at + 1 == p.end) return ITEM_BROKEN;
		*length = 2;
		*byte = p.at[1];
	}
	return ITEM_BYTE;
}

// in_class reports whether a byte is in the class of characters at the head of a
// pattern, and how long that is: 0 if it does not end.
static bool in_class(text p, char byte, int *length) {
	const char *at = p.at + 1;
	bool inverted = at < p.end && *at == '!';
	at += inverted;
	bool found = false;
	for (const char *first = at; at < p.end;) {
		char low = *at++;
		if (low == ']' && at > first + 1) {
			*length = (int)(at - p.at);
			return found != inverted;
		}
		if (at + 1 < p.end && *at == '-') {
			found = found || (byte >= low && byte <= at[1]);
			at += 2;
		} else {
			found = found || byte == low;
		}
	}
	*length = 0;
	return false;
}

// Whether a text is what a pattern says. What is behind the last "any" is looked for at
// each place of the text: an "any" that comes later makes the earlier ones settled. So
// the time is at most the product of the two lengths, where DuckDB's own functions try
// every division of the text, and no interruption reaches them.
static bool matches(text s, text p, reader read, int escape, bool *broken) {
	const char *any = NULL, *from = NULL; // behind the last "any", and where that may end
	while (s.at < s.end || p.at < p.end) {
		int length = 0;
		char byte = 0;
		item i = p.at < p.end ? read(p, escape, &length, &byte) : ITEM_BROKEN;
		if (i == ITEM_BROKEN && p.at < p.end) *broken = true;
		if (i == ITEM_ANY) {
			any = p.at += length;
			from = s.at;
			if (any == p.end) return true;
			continue;
		}
		if (s.at < s.end) {
			if (i == ITEM_CHARACTER) {
				s.at = read == read_like ? next_character(s.at, s.end) : s.at + 1;
				p.at += length;
				continue;
			}
			if (i == ITEM_BYTE && *s.at == byte) {
				s.at++;
				p.at += length;
				continue;
			}
			if (i == ITEM_CLASS && in_class(p, *s.at, &length)) {
				s.at++;
				p.at += length;
				continue;
			}
		}
		if (*broken || !any || from == s.end) return false;
		s.at = from = read == read_like ? next_character(from, s.end) : from + 1;
		p.at = any;
		if (read(p, escape, &length, &byte) == ITEM_BYTE && !(from = s.at = memchr(s.at, byte, (size_t)(s.end - s.at)))) return false;
	}
	return true;
}

// The functions differ in these; one is the extra info of each.
typedef struct {
	reader read;
	bool negated, escaped;
} pattern_kind;

static const pattern_kind kinds[] = {
	[MS_LIKE] = {read_like, false, false},        [MS_NOT_LIKE] = {read_like, true, false}, [MS_LIKE_ESCAPE] = {read_like, false, true},
	[MS_NOT_LIKE_ESCAPE] = {read_like, true, true}, [MS_GLOB] = {read_glob, false, false},
};

static void match_rows(void *info, void *chunk, void *result) {
	const pattern_kind *kind = duckdb_scalar_function_get_extra_info(info);
	const string_handle *columns[3] = {0};
	const uint64_t *valid[3] = {0};
	int arguments = kind->escaped ? 3 : 2;
	for (int c = 0; c < arguments; c++) {
		void *vector = duckdb_data_chunk_get_vector(chunk, c);
		columns[c] = duckdb_vector_get_data(vector);
		valid[c] = duckdb_vector_get_validity(vector);
	}
	bool *out = duckdb_vector_get_data(result);
	duckdb_vector_ensure_validity_writable(result);
	uint64_t *out_valid = duckdb_vector_get_validity(result);
	for (idx_t row = 0, n = duckdb_data_chunk_get_size(chunk); row < n; row++) {
		if (!row_valid(valid[0], row) || !row_valid(valid[1], row) || (kind->escaped && !row_valid(valid[2], row))) {
			set_null(out_valid, row);
			continue;
		}
		int escape = -1;
		if (kind->escaped) {
			text e = text_of(&columns[2][row]);
			if (e.end - e.at > 1) {
				duckdb_scalar_function_set_error(info, "Invalid escape string. Escape string must be empty or one character.");
				return;
			}
			if (e.at < e.end) escape = (unsigned char)*e.at;
		}
		bool broken = false;
		out[row] = matches(text_of(&columns[0][row]), text_of(&columns[1][row]), kind->read, escape, &broken) != kind->negated;
		if (broken && kind->read == read_like) {
			duckdb_scalar_function_set_error(info, "Like pattern must not end with escape character!");
			return;
		}
	}
}

void *ms_match_callback(void) { return match_rows; }

void *ms_match_kind(int kind) { return (void *)&kinds[kind]; }
