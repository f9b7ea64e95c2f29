"""What ``alp`` can do, as data: command names, where each lives, one line about each.

This module imports nothing, so that ``alp --help`` and shell completion need not import the
commands. A command is added by adding its line here and its module beside this one.
"""

COMMANDS: dict[str, tuple[str, str]] = {
    "validate": ("alp.cli.validate:validate", "Check manifests; name every fault at once."),
    "explain": ("alp.cli.explain:explain", "Say what a manifest, or one field of it, means."),
    "convert-config": ("alp.cli.convert_config:convert_config", "Turn an old config into one."),
    "schema": ("alp.cli.schema:schema", "Print the manifest's JSON Schema or Kubernetes CRD."),
    "backtest": ("alp.cli.backtest:backtest", "Run a strategy on recorded data and report."),
    "report": ("alp.cli.report:report", "Make the report page of a results file again."),
    "sweep": ("alp.cli.sweep:sweep", "Run many parameter sets and compare them."),
    "data": ("alp.cli.data:data", "Inspect, convert and fetch market data."),
    "paper": ("alp.cli.paper:paper", "Run a whole strategy at exchanges on localhost."),
    "run": ("alp.cli.run:run", "Run a whole strategy where its venues are."),
    "status": ("alp.cli.status:status", "Ask a running system how it is."),
    "watch": ("alp.cli.watch:watch", "Show a running system live, in a terminal."),
    "doctor": ("alp.cli.doctor:doctor", "Look whether a strategy could run; say what to mend."),
    "quote-server": (
        "alp.cli.quote_server:quote_server",
        "Keep exact books of the venues; publish them.",
    ),
    "record": ("alp.cli.record:record", "Keep what venues send, byte for byte."),
    "recording": (
        "alp.cli.recording:recording",
        "Look at, convert and mend recordings.",
    ),
    "replay": (
        "alp.cli.replay:replay",
        "Send a recording on the bus as if live; check decisions.",
    ),
    "top": ("alp.cli.top:top", "Show the books on the bus, in a terminal."),
    "route": ("alp.cli.route:route", "Say which account would get what of an order, and why."),
    "exec-handler": (
        "alp.cli.exec_handler:exec_handler",
        "Own an account: send its orders, follow each to its end.",
    ),
    "watchdog": (
        "alp.cli.watchdog:watchdog",
        "Cancel an account's orders when its handler is not heard.",
    ),
    "lp-agent": (
        "alp.cli.lp_agent:lp_agent",
        "Keep the ranges of the pool; say what they hold.",
    ),
    "market-maker": (
        "alp.cli.market_maker:market_maker",
        "Quote the venues on the combined inventory of both legs.",
    ),
    "position-server": (
        "alp.cli.position_server:position_server",
        "Keep one ledger of all accounts; say what they hold.",
    ),
    "kill": ("alp.cli.kill:kill", "Cancel everything of a strategy, and let nothing else leave."),
    "release": ("alp.cli.kill:release", "Take the kill switch back."),
    "venue": ("alp.cli.venue:venue", "Run an exchange on localhost, faults included."),
    "chain": ("alp.cli.chain:chain", "Run a chain with the pool here, faults included."),
    "journal": ("alp.cli.journal:journal", "Look into the intent journal of an account."),
    "ledger": ("alp.cli.ledger:ledger", "Look into the ledger: balances, entries, profit."),
    "verify": ("alp.cli.verify:verify", "Hold pool, feeds and signing to what was recorded."),
    "conform": ("alp.cli.conform:conform", "Hold an exchange's adapter to numbered cases."),
    "validate-models": (
        "alp.cli.validate_models:validate_models",
        "Hold the quoting models to the published numbers.",
    ),
    "completion": ("alp.cli.completion:completion", "Print the completion script of a shell."),
    "version": ("alp.cli.version:version", "Print versions, for a bug report."),
}
"""name -> ("module:attribute" of its click command, the line ``alp --help`` shows)."""

SECTIONS: dict[str, tuple[str, ...]] = {
    "The manifest": ("validate", "explain", "convert-config", "schema"),
    "Backtests": ("backtest", "report", "sweep", "data"),
    "The whole system": ("paper", "run", "watch", "status", "doctor"),
    "Market data": ("quote-server", "record", "recording", "replay", "top"),
    "Execution": (
        "route",
        "exec-handler",
        "watchdog",
        "lp-agent",
        "market-maker",
        "position-server",
        "journal",
        "ledger",
        "kill",
        "release",
    ),
    "Simulation": ("venue", "chain"),
    "Proof": ("verify", "conform", "validate-models"),
    "This program": ("completion", "version"),
}
"""How ``alp --help`` groups the commands; every command is in exactly one section."""

SERVERS = (
    "quote-server",
    "exec-handler",
    "watchdog",
    "lp-agent",
    "market-maker",
    "position-server",
    "venue",
    "chain",
)
"""Commands that run until they are told to stop, and say meanwhile how it goes."""

OPTIONS: dict[str, str] = {
    "--log-level LEVEL": "debug, info (servers), warning, error; ALP_LOG_LEVEL.",
    "--log-format FORMAT": "text (default) or json; environment ALP_LOG_FORMAT.",
    "--debug": "Show the traceback of a failure; ALP_DEBUG=1.",
    "-V, --version": "Print the version.",
    "-h, --help": "Print this; `alp COMMAND --help` explains one command.",
}
"""The options before the command's name, as help shows them."""

EXIT_CODES: dict[int, str] = {
    0: "everything asked for was done",
    1: "a verification found a difference or a fault",
    2: "the command line was wrong",
    3: "the manifest was refused",
    4: "an input file was refused",
    5: "an endpoint could not be reached or refused the request",
    6: "alp's own state contradicts itself; please report it",
    7: "it was stopped, and orders may still be open; they were printed",
    8: "a desk of your own failed; its file and line are named",
    70: "an unexpected failure inside alp; please report it",
    74: "the system refused to read or write a file",
    130: "stopped by Ctrl-C or SIGTERM",
    141: "the reader of the output went away",
}
"""What each exit status means; :class:`alp.errors.ExitCode` has the same numbers."""

EXAMPLES: dict[str, str] = {
    "alp validate examples/eth-usdc.yaml": "is the manifest right?",
    "alp explain examples/eth-usdc.yaml": "what will it do, and why?",
    "alp backtest examples/eth-usdc.yaml": "run it on the recorded day it names",
}
"""The first commands a newcomer should try."""

PURPOSE = """\
  Asymmetric liquidity provision on Uniswap V3, hedged by passive market making
  on centralised exchanges. Every command takes the same file, the Strategy
  manifest: it is checked, explained, backtested and run unchanged.
"""


def help_text() -> str:
    """Return the whole of ``alp --help``, at most 80 columns wide."""
    blocks = ["Usage: alp [OPTIONS] COMMAND [ARGS]...\n", PURPOSE]
    blocks.append(_block("First steps", EXAMPLES))
    for title, names in SECTIONS.items():
        blocks.append(_block(title, {name: COMMANDS[name][1] for name in names}, width=18))
    blocks.append(_block("Options", OPTIONS))
    blocks.append(_block("Exit codes", {str(code): text for code, text in EXIT_CODES.items()}))
    return "\n".join(blocks)


def _block(title: str, rows: dict[str, str], width: int = 0) -> str:
    width = width or max(map(len, rows)) + 3
    return f"{title}:\n" + "".join(f"  {name:<{width}}{text}\n" for name, text in rows.items())
