/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* query.c: the words that say which elements are shown, in which order and in which form. */
#include "cli/query.h"

#include "cli/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- where ---- */

/* As C spells it, and as words that a shell leaves alone. Longer signs stand before shorter
 * ones. */
static const struct {
	const char *sign;
	const char *word;
	enum query_op op;
} ops[] = {
	{"==", "eq", QUERY_EQ}, {"!=", "ne", QUERY_NE}, {"<=", "le", QUERY_LE},
	{">=", "ge", QUERY_GE}, {"=", "eq", QUERY_EQ},	{"<", "lt", QUERY_LT},
	{">", "gt", QUERY_GT},
};

static const char *skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* The operator at the beginning of *s, which moves behind it. */
static bool op_take(const char **s, enum query_op *ret_op)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		size_t sign = strlen(ops[i].sign), word = strlen(ops[i].word);
		size_t len = 0;

		if (!strncmp(*s, ops[i].sign, sign))
			len = sign;
		else if (!strncmp(*s, ops[i].word, word) && !isalnum((unsigned char)(*s)[word]))
			len = word;
		if (!len)
			continue;
		*s = skip_blanks(*s + len);
		*ret_op = ops[i].op;
		return true;
	}
	return false;
}

static int condition_parse(const struct mapref *ref, struct args *args, const char *path,
			   const char *rest, struct query_condition *condition)
{
	int code = field_parse(ref, path, &condition->field);

	if (code)
		return code;
	if (!*rest)
		rest = args_next(args);
	if (!rest)
		return exit_usage("where: an operator is missing behind %s: == != < <= > >= "
				  "(quoted) or eq ne lt le gt ge",
				  path);
	if (!op_take(&rest, &condition->op))
		return exit_usage("where: expected == != < <= > >= or eq ne lt le gt ge, got: '%s'",
				  rest);
	if (!*rest)
		rest = args_next(args);
	if (!rest)
		return exit_usage("where: what shall %s be compared with?", path);
	return field_constant(ref, &condition->field, path, rest, &condition->constant);
}

/* FIELD OP CONSTANT as three words, or in as few words as the shell's quotes left. */
static int where_parse(const struct mapref *ref, struct args *args, struct query *query)
{
	const char *word;
	struct text path = {0};
	int code = args_word(args, "where: a field", &word);

	if (code)
		return code;
	query->condition =
		must_realloc(query->condition, (query->conditions + 1) * sizeof(*query->condition));
	query->condition[query->conditions] = (struct query_condition){0};
	word = skip_blanks(word);
	text_add(&path, word, strcspn(word, " \t=!<>"));
	word = skip_blanks(word + path.len);
	code = condition_parse(ref, args, text_str(&path), word,
			       &query->condition[query->conditions++]);
	text_free(&path);
	return code;
}

/* ---- the other words ---- */

static int sort_parse(const struct mapref *ref, struct args *args, struct query *query)
{
	const char *path;
	int code = args_word(args, "sort: a field", &path);

	if (!code && query->sorted)
		code = exit_usage("sort specified multiple times");
	if (!code)
		code = field_parse(ref, path, &query->sort);
	query->sorted = true;
	query->descending = args_take(args, "desc");
	if (!query->descending)
		args_take(args, "asc");
	return code;
}

static int percpu_parse(const struct mapref *ref, struct args *args, struct query *query)
{
	static const char *const views[] = {"sum", "min", "max", "columns", "all", NULL};
	static const enum btf_fold_op folds[] = {BTF_FOLD_SUM, BTF_FOLD_MIN, BTF_FOLD_MAX};
	const char *word;
	int view, code = args_word(args, "percpu: sum, min, max, columns or all", &word);

	if (code)
		return code;
	view = args_match(word, views);
	if (view < 0)
		return exit_usage("percpu: expected sum, min, max, columns or all, got: '%s'",
				  word);
	if (!backend_is_percpu(ref->info.type))
		return exit_usage("type %s has one value per element, not one per CPU",
				  mapref_type(&ref->info));
	if (view == 3)
		query->form = QUERY_COLUMNS;
	if (view >= 3)
		return 0;
	if (!ref->value_type &&
	    (ref->info.value_size > 8 || (ref->info.value_size & (ref->info.value_size - 1))))
		return exit_usage("percpu %s: values of %u bytes without BTF are no numbers; "
				  "percpu all shows them",
				  views[view], ref->info.value_size);
	query->folded = true;
	query->fold.op = folds[view];
	return 0;
}

static int word_parse(const struct mapref *ref, struct args *args, struct query *query)
{
	static const char *const keywords[] = {"where", "sort",	 "limit", "percpu",
					       "table", "lines", NULL};
	const char *word = args_next(args);

	switch (args_match(word, keywords)) {
	case 0: return where_parse(ref, args, query);
	case 1: return sort_parse(ref, args, query);
	case 2: return args_number(args, "limit", UINT64_MAX - 1, &query->limit);
	case 3: return percpu_parse(ref, args, query);
	case 4: query->form = QUERY_TABLE; return 0;
	case 5: query->form = QUERY_LINES; return 0;
	default:
		return exit_usage("what is '%s'? Expected where, sort, limit, percpu, table or "
				  "lines",
				  word);
	}
}

int query_parse(const struct mapref *ref, struct args *args, struct query *ret_query)
{
	int code = 0;

	*ret_query = (struct query){
		.limit = UINT64_MAX,
		.fold = {.op = BTF_FOLD_SUM,
			 .cpus = backend_cpus(),
			 .stride = ((size_t)ref->info.value_size + 7) & ~(size_t)7},
	};
	while (!code && args->count)
		code = word_parse(ref, args, ret_query);
	if (!code && ret_query->form == QUERY_TABLE && backend_is_percpu(ref->info.type) &&
	    !ret_query->folded)
		code = exit_usage("table: there is a value per CPU; add percpu sum, min or max, or "
				  "take percpu columns");
	return code;
}

void query_free(struct query *query)
{
	for (size_t i = 0; i < query->conditions; i++)
		free((void *)query->condition[i].constant.bytes);
	free(query->condition);
	query->condition = NULL;
	query->conditions = 0;
}
