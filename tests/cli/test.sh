#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# test.sh: bpfmap test: cases that pass, cases that fail and how that is shown, files that are wrong.
#
#   usage: test.sh BPFMAP TYPES.bpf.o CAPTURE RUN.bpf.o FLOWS.bpf.o FLOWS.test.yaml
RUN=$4
FLOWS=$5
CASES=$6
. "$(dirname "$0")/lib.sh"

# cases FILE: the rest of the input.
cases() { cat >"$work/$1"; }

# both SENTENCE OBJECT FILE: all cases pass in user space, and in the kernel where it may be asked.
kernel=yes
both() {
	run -j test "$2" "$3"
	it "$1" says '[.failed, .bad]' '[0,0]'
	[ $kernel = yes ] || return 0
	run -j test "$2" "$3" engine kernel
	if [ "$code" = 4 ]; then
		kernel=no
		echo "SKIPPED: engine kernel: $(printf %s "$err" | head -n 1)"
		return 0
	fi
	it "$1, in the kernel" says '[.failed, .bad]' '[0,0]'
}

both "the cases of the flows example" "$FLOWS" "$CASES"

cases values.yaml <<'END'
cases:
  - name: every kind of value, given and expected
    program: pass
    given:
      packet: [eth, ipv4, udp]
      maps:
        everything:
          - { key: 5, value: { u8: 1, s8: -1, flag: true, name: "abc", pair: [{ x: 1, y: 2 }], color: GREEN,
                               low: 5, high: 17, signed_bits: -3, grid: [[1, 2, 3], [4]], octet: [1, 2] } }
        by_name: [{ key: veth, value: { packets: 3 } }]
        by_cpu: [{ key: { x: 1, y: -2 }, value: { packets: 5, small: 6, delta: -7 } }]
        guarded: [{ key: 3, value: { count: 4 } }]
        .data: { limit: 10 }
    expect:
      verdict: 3
      packet: unchanged
      maps:
        everything:
          - { key: 5, value: { s8: -1, name: "abc", color: GREEN, high: 17, signed_bits: -3, word: 0x0201 } }
          - { key: 1, value: { u8: 255, color: GREEN } }
          - absent: 6
        by_name:
          - { key: "eth0", value: { packets: 1, bytes: 42 } }
        by_cpu: [{ key: { x: 1, y: -2 }, value: { packets: 5, delta: -7 } }]
        .data: { limit: 10 }
        .bss: { seen: 1 }
        sizes: [{ key: 0, value: 42 }]
      changes:
        sizes: [{ key: 0, value: +42 }, { key: 1, value: 0 }]
        by_cpu: [{ key: { x: 1, y: -2 }, value.packets: 0 }]
  - name: maps are fresh in each case
    program: pass
    given: { packet: [eth, ipv4, udp] }
    expect:
      verdict: XDP_PASS
      maps: { .bss: { seen: 1 }, .data: { limit: 9, greeting: "hello" } }
  - name: unless it goes on with them
    keep: true
    repeat: 4
    program: pass
    given: { packet: [eth, ipv4, udp] }
    expect: { changes: { .bss: [{ value.seen: +4 }] }, maps: { .bss: { seen: 5 } } }
  - name: a number that a socket filter returns
    program: keep
    given: { packet: [eth, zeros: 46] }
    expect: { verdict: 46 }
END
both "values of every kind" "$TYPES" "$work/values.yaml"

cases programs.yaml <<'END'
cases:
  - name: the context of a classifier
    program: mark
    given: { packet: [eth, ipv4, tcp], context: { mark: 20, cb: [1, 2, 3] } }
    expect: { verdict: TC_ACT_OK, context: { mark: 41, cb: [1, 7, 3] } }
  - name: a packet that grows
    program: grow
    given: { packet: "0200 0000 0002 0200:0000:0001 1234 aabb" }
    expect:
      verdict: XDP_TX
      packet: [hex: deadbeef, eth: { type: 0x1234 }, hex: aabb]
  - name: bytes in the network's order, addresses, texts that look like addresses
    program: remember
    given: { packet: [eth, arp: { op: 2 }] }
    expect:
      verdict: XDP_DROP
      maps:
        ports:
          - key: { address: !be32 10.0.0.1, port: !be16 80, mac: 02:00:00:00:00:01, label: !text 1.2.3.4 }
            value: -5
  - name: a value per CPU is the sum
    program: count
    repeat: 3
    given: { packet: [eth, zeros: 50], maps: { per_cpu: [{ key: 0, value: 39 }] } }
    expect: { maps: { per_cpu: [{ key: 0, value: 42 }] }, changes: { per_cpu: [{ key: 0, value: +3 }] } }
  - name: a program that must fail
    program: fault
    given: { packet: [eth, zeros: 46] }
    expect: { fails: { user: run.bpf.c, kernel: invalid access to packet } }
  - name: and does not with another packet
    only: user
    program: fault
    given: { packet: [eth, zeros: 47] }
    expect: { verdict: XDP_PASS }
END
both "contexts, packets that change, failures" "$RUN" "$work/programs.yaml"
run test "$RUN" "$work/programs.yaml" engine kernel
[ $kernel = no ] || it "a case for one engine is skipped in the other" shows "skipped  and does not with another packet: only for engine user"

# ---- packets: checksums are those that another program works out ----
checked() { # EXPRESSION HEX: a packet as layers is that packet
	printf 'cases:\n- name: p\n  program: pass\n  given: { packet: "%s" }\n  expect: { packet: %s }\n' "$2" "$1" >"$work/p.yaml"
	run test "$TYPES" "$work/p.yaml"
	it "$1 is the packet it should be" ok
}
python3 - "$work" <<'END'
import struct, sys
def fold(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
def v4(proto, body, flags=0):
    head = bytes([0x45, 0]) + struct.pack(">HHHBBH", 20 + len(body), 0, flags, 64, proto, 0) + bytes([10, 0, 0, 1, 10, 0, 0, 2])
    return head[:10] + struct.pack(">H", fold(head)) + head[12:] + body
def v6(proto, body, src, dst):
    return struct.pack(">IHBB", 6 << 28, len(body), proto, 64) + src + dst + body
def with_sum(body, at, pseudo):
    value = fold(pseudo + body)
    return body[:at] + struct.pack(">H", value or 0xFFFF) + body[at + 2:]
p4 = lambda proto, n: bytes([10, 0, 0, 1, 10, 0, 0, 2, 0, proto]) + struct.pack(">H", n)
mac = bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1])
a, b = bytes(15) + b"\1", bytes(15) + b"\2"
p6 = lambda proto, n: a + b + struct.pack(">II", n, proto)
udp = struct.pack(">HHHH", 40000, 53, 13, 0) + b"hello"
tcp = struct.pack(">HHIIBBHHH", 1, 2, 3, 4, 0x50, 0x12, 65535, 0, 0) + b"GET"
icmp = struct.pack(">BBHHH", 8, 0, 0, 1, 1)
icmp6 = struct.pack(">BBHHH", 128, 0, 0, 1, 1)
packets = {
    "[eth, ipv4, udp, payload: hello]": mac + b"\x08\0" + v4(17, with_sum(udp, 6, p4(17, 13))),
    "[eth, vlan: { id: 5, priority: 3 }, ipv4: { dont_fragment: 1 }, tcp: { sport: 1, dport: 2, seq: 3, ack: 4, flags: syn ack }, payload: GET]":
        mac + b"\x81\0" + struct.pack(">HH", 3 << 13 | 5, 0x800) + v4(6, with_sum(tcp, 16, p4(6, 23)), 0x4000),
    "[eth, ipv4, icmp]": mac + b"\x08\0" + v4(1, with_sum(icmp, 2, b"")),
    "[eth, ipv6, udp, payload: hello]": mac + b"\x86\xdd" + v6(17, with_sum(udp, 6, p6(17, 13)), a, b),
    "[eth, ipv6, icmpv6]": mac + b"\x86\xdd" + v6(58, with_sum(icmp6, 2, p6(58, 8)), a, b),
    "[eth, ipv4, ipv4, udp, payload: hello]": mac + b"\x08\0" + v4(4, v4(17, with_sum(udp, 6, p4(17, 13)))),
}
with open(sys.argv[1] + "/packets", "w") as file:
    for expression, packet in packets.items():
        file.write(f"{packet.hex()} {expression}\n")
END
while read -r hex expression; do
	checked "$expression" "$hex"
done <"$work/packets"
frame=$(printf 'cases:\n- name: f\n  program: keep\n  given: { packet: { pcap: %s, frame: 100000 } }\n  expect: { verdict: 1 }\n' "$CAPTURE")
printf '%s\n' "$frame" >"$work/f.yaml"
run test "$TYPES" "$work/f.yaml"
it "a frame behind the capture's end" test "$code" = 2
it "is told" test "${out#*has only}" != "$out"

# ---- failures ----
cases wrong.yaml <<'END'
cases:
  - name: nothing is right
    program: pass
    given:
      context: { ingress_ifindex: 1 }
      packet: [eth, ipv4, udp]
      maps:
        by_cpu: [{ key: { x: 1, y: 2 }, value: { packets: 5 } }]
        everything: [{ key: 5, value: { name: "abc" } }]
    expect:
      verdict: XDP_DROP
      context: { ingress_ifindex: 2 }
      packet: [eth, ipv4: { ttl: 63 }, udp]
      maps:
        everything: [{ key: 5, value: { name: "abd" } }, { absent: 1 }, { key: 77, value: { u8: 1 } }]
        by_name: []
        by_cpu: [{ key: { x: 1, y: 2 }, value: { packets: 6 } }]
      changes: { sizes: [{ key: 0, value: -1 }] }
  - name: this one is
    program: shot
    given: { packet: [eth, zeros: 200] }
    expect: { verdict: TC_ACT_SHOT }
END
run test "$TYPES" "$work/wrong.yaml"
it "a case that fails has exit code 1" test "$code" = 1
shown() { printf '%s\n' "$out" | grep -qE -- "$1"; }
it "the verdict" shown 'expected  XDP_DROP  got  XDP_PASS'
it "the packet's bytes" shown 'bytes 16-31  expected  .* 3f 11 .*  got  .* 40 11 '
it "the context" shown 'ingress_ifindex  expected  2  got  1'
it "a member of a value, with its element" shown 'map everything, key 5$'
it "typed" shown '\.name  expected  abd  got  abc'
it "what is there and should not be" shown 'expected  absent  got  present'
it "what should be and is not" shown 'expected  present  got  absent'
it "what nobody listed" shown 'map by_name, key eth0'
it "sums over CPUs" shown '\.packets  expected  6  got  5'
it "changes" shown 'expected  -1  got  \+42'
it "the others are run all the same" shown '^ok       this one is$'
it "and all are counted" shown '^1 passed, 1 failed, 0 skipped, engine user'
run -j test "$TYPES" "$work/wrong.yaml"
it "JSON has all of it" test "$(printf %s "$out" | jq -c '[.passed,.failed,.cases[0].result,(.cases[0].differences|length > 8),.cases[0].line]')" = '[1,1,"failed",true,2]'
run test "$TYPES" "$work/wrong.yaml" tap
it "TAP" shown '^not ok 1 - nothing is right$'
it "TAP counts" shown '^1\.\.2$'
it "TAP's details are YAML" test "$(printf '%s\n' "$out" | sed -n '/^  ---/,/^  \.\.\./p' | grep -c 'where:')" -gt 8
run test "$TYPES" "$work/wrong.yaml" junit "$work/junit.xml" case 'this one'
it "JUnit of the chosen case" grep -q 'tests="1" failures="0" errors="0" skipped="0"' "$work/junit.xml"
run test "$TYPES" "$work/wrong.yaml" junit "$work/junit.xml"
it "JUnit" python3 -c "
import sys, xml.etree.ElementTree as tree
suite = tree.parse('$work/junit.xml').getroot()[0]
assert suite.get('failures') == '1' and 'XDP_DROP' in suite.find('testcase/failure').text"
run test "$TYPES" "$work/wrong.yaml" junit /dev/full
it "a full disk is told" test "$code" = 5 -a "${err#*can\'t write all of /dev/full: No space}" != "$err"
run test "$TYPES" "$work/wrong.yaml" junit "$work/no/such"
it "a directory that is not there" test "$code" = 5 -a "${err#*No such file}" != "$err"
run test "$TYPES" "$work/wrong.yaml" case nosuch
it "no such case" refuses 1 "no case has 'nosuch'"
run test "$TYPES" "$work/values.yaml" keep case fresh
it "keep alone changes nothing for the first case" ok

# ---- files that are wrong ----
# bad PLACE TEXT: the file on standard input is refused, at PLACE, with TEXT.
bad() {
	cat >"$work/bad.yaml"
	run test "$TYPES" "$work/bad.yaml"
	said=$out$err
	it "bad file: $2" test "$code" = 2 -a "${said#*bad.yaml:$1*"$2"}" != "$said"
}
bad 1:1: "empty" </dev/null
bad 1:1: "no cases" <<-'END'
	program: pass
END
bad 2:1: "did not find" <<-'END'
	a: [
END
bad 1:1: "what is 'case'" <<-'END'
	case: []
END
bad 2:3: "no name" <<-'END'
	cases:
	- program: pass
END
bad 2:3: "no packet" <<-'END'
	cases:
	- name: x
END
bad 2:3: "expects nothing" <<-'END'
	cases:
	- { name: x, given: { packet: [eth] } }
END
bad 3:3: "said already" <<-'END'
	cases:
	- name: x
	  name: y
END
one() { bad "$1" "$2" <<-END
	cases:
	- { name: x, program: $3,
	 given: { $4 },
	 expect: { $5 } }
END
}
one 4:21: "is no verdict" pass 'packet: [eth]' 'verdict: DROP'
one 3:19: "no hexadecimal byte" pass 'packet: 12345' 'verdict: XDP_PASS'
one 3:20: "what is 'ip'" pass 'packet: [ip]' 'verdict: 1'
one 3:28: "ipv4 has no field 'from'" pass 'packet: [ipv4: { from: 1 }]' 'verdict: 1'
one 3:33: "an IPv4 address" pass 'packet: [ipv4: { src: fe80 }]' 'verdict: 1'
one 3:34: "is no flag" pass 'packet: [tcp: { flags: sin }]' 'verdict: 1'
one 3:34: "too large" pass 'packet: [tcp: { sport: 65536 }]' 'verdict: 1'
one 3:19: "No such file" pass 'packet: { pcap: nosuch }' 'verdict: 1'
one 3:41: "longer than" pass 'packet: [zeros: 65536, zeros: 1]' 'verdict: 1'
one 4:20: "there is no map" pass 'packet: [eth]' 'maps: { nosuch: [] }'
one 4:27: "list of elements" pass 'packet: [eth]' 'maps: { sizes: 5 }'
one 4:50: "does not fit" pass 'packet: [eth]' 'maps: { everything: [{ key: 1, value: { u8: 256 } }] }'
one 4:50: "no member 'u9'" pass 'packet: [eth]' 'maps: { everything: [{ key: 1, value: { u9: 1 } }] }'
one 4:48: "a number" pass 'packet: [eth]' 'changes: { sizes: [{ key: 0, value: many }] }'
one 4:23: "no field 'mark'" pass 'packet: [eth]' 'context: { mark: 1 }'
one 2:3: "holds no program" nosuch 'packet: [eth]' 'verdict: 1'
one 3:42: "map sizes" pass 'packet: [eth], maps: { sizes: [{ key: 9, value: 1 }] }' 'verdict: 1'
cases deep.yaml <<'END'
cases:
- { name: x, program: pass, given: { packet: [eth] }, expect: { maps: { sizes: [{ key: 0, value: &a [*a] }] } } }
END
run test "$TYPES" "$work/deep.yaml"
it "a value that holds itself is refused" test "$code" = 2
run test "$TYPES"
it "without FILE the one beside the object is meant" refuses 1 "types.test.yaml"
run test "$work/nosuch.o" "$work/wrong.yaml"
it "an object that is not there" refuses 1 "nosuch.o"
cases which.yaml <<'END'
cases: [{ name: x, given: { packet: [eth] }, expect: { verdict: 1 } }]
END
run test "$TYPES" "$work/which.yaml"
it "a case that does not say which program" test "$code" = 2 -a "${out#*which.yaml:1:9: *several programs}" != "$out"
run test "$TYPES" "$work/wrong.yaml" engine nosuch
it "an engine that is none" refuses 2 "neither user nor kernel"
run -j test "$TYPES" "$work/wrong.yaml" tap
it "TAP or JSON" refuses 2 "choose one"
run test "$TYPES" "$work/wrong.yaml" jit on engine kernel
it "jit is not for the kernel" refuses 2 "bpf_jit_enable"
run test "$TYPES" "$work/values.yaml" jit auto
it "the same cases pass, compiled where that is possible" ok
finish
