/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* literal.c: lay out a one-line C literal. The input is out_plain.c's own: groups are "{ m, m }",
 * strings are quoted and escaped, nothing else holds a brace or a comma. */
#include "cli/literal.h"

#include <stdio.h>
#include <string.h>

/* One past the string or the character at s. */
static const char *atom_end(const char *s)
{
	if (*s != '"')
		return s + 1;
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : s;
}

/* One past the brace that closes the group at s. */
static const char *group_end(const char *s)
{
	unsigned int depth = 0;

	while (*s) {
		if (*s == '{')
			depth++;
		if (*s == '}' && --depth == 0)
			return s + 1;
		s = atom_end(s);
	}
	return s;
}

/* One past the member at s: its comma, or the blank before the closing brace. */
static const char *member_end(const char *s)
{
	while (*s && *s != ',' && *s != '}')
		s = *s == '{' ? group_end(s) : atom_end(s);
	return s;
}

static void member_print(const char *s, const char *end, unsigned int indent);

static void group_print(const char *s, const char *end, unsigned int indent)
{
	puts("{");
	s++;
	for (s += strspn(s, " "); s < end && *s != '}'; s += strspn(s, ", ")) {
		const char *member = s;

		s = member_end(s);
		member_print(member, s, indent + 2);
		puts(*s == ',' ? "," : "");
	}
	printf("%*s}", (int)indent, "");
}

/* A member without its comma: whole if it fits, else its group broken. */
static void member_print(const char *s, const char *end, unsigned int indent)
{
	const char *group = memchr(s, '{', (size_t)(end - s));

	while (end > s && end[-1] == ' ')
		end--;
	printf("%*s", (int)indent, "");
	if (!group || *s == '"' || indent + (size_t)(end - s) < LITERAL_WIDTH) {
		fwrite(s, 1, (size_t)(end - s), stdout);
		return;
	}
	fwrite(s, 1, (size_t)(group - s), stdout);
	group_print(group, end, indent);
}

void literal_print(const char *literal, size_t column)
{
	size_t len = strlen(literal);

	if (literal[0] != '{' || column + len <= LITERAL_WIDTH)
		fputs(literal, stdout);
	else
		group_print(literal, literal + len, 0);
}
