/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* metrics.h: what /metrics answers. */
#ifndef BPFMAP_EXPORT_METRICS_H
#define BPFMAP_EXPORT_METRICS_H

#include "export/catalog.h"
#include "export/config.h"
#include "export/expose.h"

/* Everything: maps, what the configuration asks for of elements, the exporter itself. */
void metrics_write(struct cli *cli, struct counter *counter, struct config *config,
		   struct expose *expose);

#endif
