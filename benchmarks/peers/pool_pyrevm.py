"""The real pool bytecode in revm (pyrevm), through a recorded trace; in an environment of its own.

Arguments: the trace, and the folder of node modules with the contracts. Every operation is replayed
at the pool, the swaps are timed and their amounts compared. Output: one JSON object.

The callers are few lines of EVM code: they pass a call on to the pool, and in its callbacks send
the tokens it asks for.
"""

from __future__ import annotations

import gzip
import json
import statistics
import sys
import time
from pathlib import Path

from eth_abi import decode, encode
from eth_utils import keccak
from pyrevm import EVM, AccountInfo, BlockEnv

OWNER = "0x" + "11" * 20
FLASH_CALLBACK = keccak(text="uniswapV3FlashCallback(uint256,uint256,bytes)")[:4]
TRANSFER = keccak(text="transfer(address,uint256)")[:4]
FUNDS = 2**250


def call_data(signature: str, *values: object) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    return keccak(text=signature)[:4] + encode(types.split(",") if types else [], values)


def assemble(parts: list[object]) -> bytes:
    """Bytes, names to push (``"@name"``) and places to jump to (``"name:"``)."""
    size = {part: 3 if str(part).startswith("@") else 1 for part in parts if isinstance(part, str)}
    places, offset = {}, 0
    for part in parts:
        if isinstance(part, str) and part.endswith(":"):
            places[part[:-1]] = offset
        offset += size[part] if isinstance(part, str) else len(part)
    code = b""
    for part in parts:
        if isinstance(part, bytes):
            code += part
        elif part.endswith(":"):
            code += b"\x5b"
        else:
            code += b"\x61" + places[part[1:]].to_bytes(2, "big")
    return code


def driver_code(pool: bytes, tokens: list[bytes]) -> bytes:
    push_pool = b"\x73" + pool
    hexed = bytes.fromhex
    forward: list[object] = [
        hexed("33") + push_pool + hexed("14"),  # caller == pool
        "@callback",
        hexed("57"),
        hexed("36600060003760006000366000600073") + pool + hexed("5af1"),  # call pool
        hexed("3d600060003e"),  # copy what it returned
        "@returns",
        hexed("57") + hexed("3d6000fd"),
        "returns:",
        hexed("3d6000f3"),
        "callback:",
        hexed("60003560e01c63") + FLASH_CALLBACK + hexed("14"),
        "@flash",
        hexed("57"),
    ]

    def pay(name: str, places: tuple[int, int]) -> list[object]:
        code: list[object] = []
        for index, place in enumerate(places):
            label = f"{name}{index}"
            code += [
                hexed("60") + bytes([place]) + hexed("356000811315"),  # not amount > 0
                f"@{label}",
                hexed("57"),
                hexed("63") + TRANSFER + hexed("60e01b600052") + push_pool + hexed("600452"),
                hexed("80602452"),
                hexed("6020600060446000600073") + tokens[index],
                hexed("5af150"),
                f"{label}:",
                hexed("50"),
            ]
        return [*code, hexed("00")]

    return assemble([*forward, *pay("pay", (4, 36)), "flash:", *pay("back", (132, 164))])


def artifact(modules: Path, *parts: str) -> bytes:
    return bytes.fromhex(json.loads(modules.joinpath(*parts).read_text())["bytecode"][2:])


class Chain:
    """One pool of the trace on an EVM of its own."""

    def __init__(self, modules: Path, header: dict, record: dict) -> None:
        self.evm = EVM(gas_limit=2**63)
        self.evm.set_balance(OWNER, 10**24)
        token_code = artifact(
            modules,
            "@openzeppelin",
            "contracts",
            "build",
            "contracts",
            "ERC20PresetFixedSupply.json",
        )
        arguments = encode(["string", "string", "uint256", "address"], ["T", "T", 2**255, OWNER])
        tokens = sorted(
            (self.evm.deploy(OWNER, token_code + arguments) for _ in range(2)),
            key=lambda address: int(address, 16),
        )
        folder = ("@uniswap", "v3-core", "artifacts", "contracts", "UniswapV3Factory.sol")
        factory = self.evm.deploy(OWNER, artifact(modules, *folder, "UniswapV3Factory.json"))
        if record["fee"] == 100:
            enable = call_data("enableFeeAmount(uint24,int24)", 100, record["tickSpacing"])
            self.evm.message_call(OWNER, factory, calldata=enable)
        create = call_data("createPool(address,address,uint24)", *tokens, record["fee"])
        made = self.evm.message_call(OWNER, factory, calldata=create)
        self.pool = decode(["address"], made)[0]
        code = driver_code(
            bytes.fromhex(self.pool[2:]), [bytes.fromhex(token[2:]) for token in tokens]
        )
        self.actors = dict(header["actors"])
        for label in ("d0", "d1", "d2", "npm", "router"):
            driver = self.actors[label]
            self.evm.insert_account_info(driver, AccountInfo(code=code))
            for token in tokens:
                send = call_data("transfer(address,uint256)", driver, FUNDS)
                self.evm.message_call(OWNER, token, calldata=send)

    def at(self, timestamp: int) -> None:
        self.evm.set_block_env(BlockEnv(timestamp=timestamp, gas_limit=2**63))

    def drive(self, label: str, data: bytes) -> bytes:
        """Have a driver contract make a call to the pool."""
        return self.evm.message_call(OWNER, self.actors[label], calldata=data)

    def direct(self, data: bytes) -> bytes:
        return self.evm.message_call(OWNER, self.pool, calldata=data)

    def swap(self, record: dict) -> tuple[float, bool]:
        args = record["args"]
        label = record["actor"] if record["op"] == "swap" else "router"
        data = call_data(
            "swap(address,bool,int256,uint160,bytes)",
            self.actors[label],
            args["zeroForOne"],
            int(args["amountSpecified"]),
            int(args["sqrtPriceLimitX96"]),
            b"",
        )
        target = self.actors[label]
        start = time.process_time_ns()
        found = self.evm.message_call(OWNER, target, calldata=data)
        spent = (time.process_time_ns() - start) / 1000
        amounts = [int(record["out"]["amount0"]), int(record["out"]["amount1"])]
        return spent, list(decode(["int256", "int256"], found)) == amounts

    def event(self, name: str, fields: dict) -> None:
        """Make the call that made an event of the pool."""
        owner = self.actors.get(fields.get("owner", ""), OWNER)
        ticks = fields.get("tickLower"), fields.get("tickUpper")
        if name == "Mint":
            self.drive(
                fields["sender"],
                call_data(
                    "mint(address,int24,int24,uint128,bytes)",
                    owner,
                    *ticks,
                    int(fields["amount"]),
                    b"",
                ),
            )
        elif name == "Burn":
            self.drive(
                fields["owner"],
                call_data("burn(int24,int24,uint128)", *ticks, int(fields["amount"])),
            )
        elif name == "Collect":
            self.drive(
                fields["owner"],
                call_data(
                    "collect(address,int24,int24,uint128,uint128)",
                    OWNER,
                    *ticks,
                    int(fields["amount0"]),
                    int(fields["amount1"]),
                ),
            )

    def other(self, record: dict) -> None:
        op, args = record["op"], record["args"]
        if op == "init":
            self.direct(call_data("initialize(uint160)", int(args["sqrtPriceX96"])))
        elif op == "setFeeProtocol":
            shares = args["feeProtocol0"], args["feeProtocol1"]
            self.direct(call_data("setFeeProtocol(uint8,uint8)", *shares))
        elif op == "collectProtocol":
            asked = int(args["amount0Requested"]), int(args["amount1Requested"])
            self.direct(call_data("collectProtocol(address,uint128,uint128)", OWNER, *asked))
        elif op == "grow":
            self.direct(call_data("increaseObservationCardinalityNext(uint16)", args["next"]))
        elif op == "flash":
            back = encode(["uint256", "uint256"], [int(args["pay0"]), int(args["pay1"])])
            self.drive(
                record["actor"],
                call_data(
                    "flash(address,uint256,uint256,bytes)",
                    self.actors[record["actor"]],
                    int(args["amount0"]),
                    int(args["amount1"]),
                    back,
                ),
            )
        else:
            for name, fields in record.get("ev", ()):
                self.event(name, fields)


def main() -> None:
    trace, modules = Path(sys.argv[1]), Path(sys.argv[2])
    header: dict = {}
    chain: Chain | None = None
    micros, equal = [], 0
    with gzip.open(trace, "rt") as lines:
        records = [json.loads(line) for line in lines]
    for record in records:
        if record["op"] == "header":
            header = record
        elif record["op"] == "pool":
            chain = Chain(modules, header, record)
        elif record.get("ok") and "ts" in record and chain is not None:
            chain.at(record["ts"])
            if record["op"] in ("swap", "router_in", "router_out"):
                spent, same = chain.swap(record)
                micros.append(spent)
                equal += same
            else:
                chain.other(record)
    print(
        json.dumps(
            {
                "swaps": len(micros),
                "equal": equal,
                "mean_us": statistics.mean(micros),
                "median_us": statistics.median(micros),
            }
        )
    )


if __name__ == "__main__":
    main()
