/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* args.c: the words of a command line. */
#include "cli/args.h"

#include "cli/exit.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *args_peek(const struct args *args)
{
	return args->count ? args->word[0] : NULL;
}

const char *args_next(struct args *args)
{
	if (!args->count)
		return NULL;
	args->count--;
	return *args->word++;
}

bool args_is(const char *word, const char *keyword)
{
	return word && word[0] && !strncmp(word, keyword, strlen(word));
}

bool args_take(struct args *args, const char *keyword)
{
	if (!args_is(args_peek(args), keyword))
		return false;
	args_next(args);
	return true;
}

int args_match(const char *word, const char *const *keywords)
{
	int found = -1;

	for (int i = 0; keywords[i]; i++) {
		if (!args_is(word, keywords[i]))
			continue;
		if (!strcmp(word, keywords[i]))
			return i;
		found = found == -1 ? i : -2;
	}
	return found;
}

int args_number(struct args *args, const char *what, uint64_t max, uint64_t *ret_number)
{
	const char *word = args_next(args);
	uint64_t number;
	char *end;

	if (!word)
		return exit_usage("%s needs a number", what);
	errno = 0;
	number = strtoull(word, &end, 0);
	if (!isdigit((unsigned char)word[0]) || *end)
		return exit_usage("%s: '%s' is not a number", what, word);
	if (errno == ERANGE || number > max)
		return exit_usage("%s: %s is too large, at most %" PRIu64, what, word, max);
	*ret_number = number;
	return 0;
}

/* The seconds in a unit, or NAN. */
static double unit_seconds(const char *unit)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"", 1}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(unit, units[i].name))
			return units[i].seconds;
	return NAN;
}

int args_seconds(struct args *args, const char *what, double min, double max, double *ret_seconds)
{
	const char *word;
	double seconds;
	char *end;
	int code = args_word(args, what, &word);

	if (code)
		return code;
	seconds = strtod(word, &end);
	seconds *= end > word ? unit_seconds(end) : NAN;
	if (isnan(seconds))
		return exit_usage("%s: '%s' is no time; write 500ms, 1.5s, 10m, 2h or 7d", what,
				  word);
	if (!(seconds >= min && seconds <= max))
		return exit_usage("%s: '%s' is not a time from %.10gs to %.10gs", what, word, min,
				  max);
	*ret_seconds = seconds;
	return 0;
}

int args_word(struct args *args, const char *what, const char **ret_word)
{
	const char *word = args_next(args);

	if (!word)
		return exit_usage("%s is missing", what);
	if (!word[0])
		return exit_usage("%s is an empty string", what);
	*ret_word = word;
	return 0;
}

int args_end(const struct args *args)
{
	if (args->count)
		return exit_usage("what is '%s'? It stands behind the end of the command",
				  args->word[0]);
	return 0;
}
