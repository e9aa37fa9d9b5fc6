#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# capture.sh: makes web.pcap anew. Run as root: ./capture.sh [OUTPUT.pcap]
#
# Two network namespaces joined by a veth pair; nothing leaves them. The server runs nginx and
# dnsmasq, the client curl, dig and ping, over IPv4, IPv6 and VLAN 10. tcpdump records whole frames
# on the server's end. Segmentation and checksum offload are off, so that the file holds frames as
# they would cross a wire. Namespaces, processes and temporary files are gone afterwards, also
# after a failure.
#
# Needs: nginx-light dnsmasq-base curl bind9-dnsutils iputils-ping tcpdump ethtool iproute2 python3
set -euo pipefail

out=$(realpath "${1:-$(dirname "$0")/web.pcap}")
here=$(realpath "$(dirname "$0")")
client=bpfmap-client
server=bpfmap-server
work=$(mktemp -d /tmp/bpfmap-capture.XXXXXX)
children=()

if [ "$(id -u)" != 0 ]; then
	echo "capture.sh: network namespaces need root; run: sudo $0" >&2
	exit 1
fi

clean_up() {
	[ ${#children[@]} = 0 ] || kill "${children[@]}" 2>/dev/null || true
	wait || true
	ip netns del $client 2>/dev/null || true
	ip netns del $server 2>/dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT

on_client() { ip netns exec $client "$@"; }
on_server() { ip netns exec $server "$@"; }

# Waits at most ten seconds for a command to succeed.
await() {
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "capture.sh: gave up waiting for: $*" >&2
	return 1
}

make_network() {
	ip netns add $client
	ip netns add $server
	ip link add wire netns $client address 02:00:00:00:00:01 type veth \
		peer name wire netns $server address 02:00:00:00:00:64
	for ns in $client $server; do
		ip netns exec $ns ethtool -K wire tx off rx off tso off gso off gro off >/dev/null
		ip -n $ns link set lo up
	done
	for host in 1 2 3 4; do
		ip -n $client address add 10.77.0.$host/24 dev wire
		ip -n $client address add fd77::$host/64 dev wire nodad
	done
	ip -n $server address add 10.77.0.100/24 dev wire
	ip -n $server address add fd77::100/64 dev wire nodad
}

start_capture() {
	ip -n $server link set wire up
	ip netns exec $server tcpdump -i wire -s 0 -U -Z root -w "$work/web.pcap" 2>"$work/tcpdump.log" &
	children+=($!)
	await test -s "$work/web.pcap"
	ip -n $client link set wire up
}

# VLAN 10 on both ends; see vlan-relay.py for why not "type vlan".
make_vlan() {
	local address=1

	for ns in $client $server; do
		ip netns exec $ns python3 "$here/vlan-relay.py" vlan10 wire 10 &
		children+=($!)
		await ip -n $ns link show vlan10
		ip -n $ns link set vlan10 mtu 1496 up
		ip -n $ns address add 10.78.0.$address/24 dev vlan10
		ip -n $ns address add fd78::$address/64 dev vlan10 nodad
		address=100
	done
}

start_servers() {
	mkdir "$work/www"
	chmod 755 "$work" "$work/www"
	for size in 100 2000 20000 120000; do
		head -c $size /dev/zero | tr '\0' 'x' >"$work/www/$size"
	done
	cat >"$work/nginx.conf" <<-END
		daemon off;
		pid $work/nginx.pid;
		error_log $work/nginx.log;
		events {}
		http {
			access_log off;
			server {
				listen 80;
				listen [::]:80;
				root $work/www;
			}
		}
	END
	ip netns exec $server nginx -c "$work/nginx.conf" &
	children+=($!)
	ip netns exec $server dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
		--user=nobody --interface=wire --bind-interfaces \
		--host-record=web.test,10.77.0.100,fd77::100 --txt-record=web.test,some\ text &
	children+=($!)
	await on_server curl -sf http://[::1]/100
	await on_client curl -sf --max-time 1 http://10.78.0.100/100
	await on_client dig +short +timeout=1 +tries=1 @10.77.0.100 web.test
}

fetch() {
	on_client curl -sS --fail "$@" >/dev/null
}

make_traffic() {
	# Four clients, each with short connections and one that is kept open.
	for host in 1 2 3 4; do
		for size in 100 2000 20000; do
			fetch --interface 10.77.0.$host http://10.77.0.100/$size
			fetch --interface fd77::$host "http://[fd77::100]/$size"
		done
		for web in 10.77.0.100 '[fd77::100]'; do
			fetch "http://$web/100" "http://$web/2000" "http://$web/20000"
		done
	done
	fetch http://10.77.0.100/120000
	fetch "http://[fd77::100]/120000"
	fetch http://10.78.0.100/20000
	fetch "http://[fd78::100]/20000"
	on_client curl -s -o /dev/null http://10.77.0.100:81/ || true # refused
	for type in A AAAA TXT MX; do
		for _ in 1 2 3; do
			on_client dig +short @10.77.0.100 web.test $type >/dev/null
			on_client dig +short @fd77::100 web.test $type >/dev/null
		done
	done
	for target in 10.77.0.100 fd77::100 10.78.0.100 fd78::100; do
		on_client ping -q -i 0.005 -c 250 $target >/dev/null
	done
	on_client ping -q -i 0.01 -c 3 -s 4000 10.77.0.100 >/dev/null # fragments
	on_client ping -q -i 0.01 -c 3 -s 4000 fd77::100 >/dev/null
}

make_network
start_capture
make_vlan
start_servers
make_traffic
sleep 0.5 # the last frames reach tcpdump's buffer
kill "${children[0]}"
wait "${children[0]}" || true
cp "$work/web.pcap" "$out"
chmod 644 "$out"
grep -E 'captured|dropped' "$work/tcpdump.log"
ls -l "$out"
