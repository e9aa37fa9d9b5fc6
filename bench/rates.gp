# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# False positives of Bloom filters, a panel per number of items. Variables: table, out.
set datafile separator "\t"
set grid xtics ytics lt 1 lw 0.5 lc rgb "#dddddd"
set logscale y
set format y "10^{%T}"
set xlabel "number of hashes k"
set ylabel "false positives"
set xrange [0.5:15.5]
set xtics 1
set key top right
panels = int(system(sprintf("grep -c items '%s'", table)))
do for [kind in "svg png"] {
	if (kind eq "svg") {
		set terminal svg size 620 * panels, 560 font "sans,11" background "white"
	} else {
		set terminal pngcairo size 620 * panels, 560 font "sans,10"
	}
	set output out . "." . kind
	set multiplot layout 1, panels
	do for [i = 0:panels - 1] {
		set title system(sprintf("grep items '%s' | sed -n '%dp' | tr -d '\"'", table, i + 1))
		plot table index i using 1:6 with lines lc rgb "#bbbbbb" title "2^{-k}", \
		     "" index i using 1:2 with lines dt 2 lc rgb "#000000" title "theory", \
		     "" index i using 1:3 with lines lc rgb "#b00020" title "ours, predicted", \
		     "" index i using 1:5 with points pt 6 ps 1.4 lc rgb "#606060" title "kernel, measured", \
		     "" index i using 1:4 with points pt 7 ps 0.8 lc rgb "#b00020" title "ours, measured"
	}
	unset multiplot
}
