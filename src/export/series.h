/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* series.h: metrics made of a map's elements, as the configuration says. */
#ifndef BPFMAP_EXPORT_SERIES_H
#define BPFMAP_EXPORT_SERIES_H

#include "export/catalog.h"
#include "export/config.h"

/* All metrics of the configuration, and for each whether it could be collected. What is wrong with
 * one is said on stderr when it changes. */
void series_write_all(struct cli *cli, const struct catalog *catalog, struct config *config,
		      struct expose *expose);

#endif
