#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""vlan-relay.py: a VLAN interface in user space: vlan-relay.py TAP WIRE ID

Creates the tap device TAP; what is sent through it leaves on WIRE with an 802.1Q tag, and tagged
frames that arrive on WIRE come out of TAP. It stands in for "ip link add ... type vlan", which
needs the kernel's 8021q module; small kernels come without it.
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
ETH_P_ALL, ETH_P_8021Q = 0x0003, 0x8100
SOL_PACKET, PACKET_AUXDATA = 263, 8
TP_STATUS_VLAN_VALID = 1 << 4
AUXDATA = struct.Struct("IIIHHHH")  # status, len, snaplen, mac, net, vlan_tci, vlan_tpid
ADDRESSES_SIZE = 12  # both MAC addresses; the tag stands behind them
FRAME_MAX = 65536


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def open_wire(name):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.bind((name, ETH_P_ALL))
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return wire


def receive_tagged(wire):
    """The next frame and its VLAN id, or None for our own and untagged ones. The kernel has taken
    the tag out of the frame and hands it over beside it."""
    frame, control, _, address = wire.recvmsg(FRAME_MAX, socket.CMSG_SPACE(AUXDATA.size))
    if address[2] == socket.PACKET_OUTGOING:
        return None
    for level, kind, data in control:
        if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
            continue
        status, _, _, _, _, tci, _ = AUXDATA.unpack(data[: AUXDATA.size])
        if status & TP_STATUS_VLAN_VALID:
            return frame, tci & 0x0FFF
    return None


def main():
    tap_name, wire_name, vlan = sys.argv[1], sys.argv[2], int(sys.argv[3])
    tap, wire = open_tap(tap_name), open_wire(wire_name)
    tag = struct.pack("!HH", ETH_P_8021Q, vlan)
    while True:
        readable, _, _ = select.select([tap, wire], [], [])
        if wire in readable:
            received = receive_tagged(wire)
            if received and received[1] == vlan:
                os.write(tap, received[0])
        if tap in readable:
            frame = os.read(tap, FRAME_MAX)
            try:
                wire.send(frame[:ADDRESSES_SIZE] + tag + frame[ADDRESSES_SIZE:])
            except OSError:
                pass  # the wire is down, or goes down at the end: frames get lost on wires


main()
