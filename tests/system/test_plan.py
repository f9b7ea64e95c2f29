"""From a manifest to processes, purely: nothing here starts anything."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from alp.errors import ConfigError
from alp.services.execution.limits import account_venues
from alp.strategy.loading import load_manifest
from alp.strategy.manifest import Strategy
from alp.strategy.problems import ManifestError
from alp.system.parts import Part, Plan, Restart, Role
from alp.system.plan import plan_paper, plan_run
from alp.system.simulators import Recording, World
from alp.system.surroundings import Surroundings

TWO_ACCOUNTS = [
    {"name": "a", "exchange": "binance-usdm", "symbol": "ETHUSDC"},
    {"name": "b", "exchange": "binance-usdm", "symbol": "ETHUSDC"},
    {"name": "c", "exchange": "coinbase-spot", "symbol": "ETH-USDC"},
]


def strategy(venues: list[dict[str, Any]] | None = None, **spec: Any) -> Strategy:
    return load_manifest(
        {
            "apiVersion": "alp.dev/v1alpha1",
            "kind": "Strategy",
            "metadata": {"name": "planned"},
            "spec": {
                "pool": {"chain": "ethereum", "base": "WETH", "quote": "USDC", "feeTier": 500},
                "inventory": {"base": "1", "quote": "2500"},
                "venues": TWO_ACCOUNTS if venues is None else venues,
                **spec,
            },
        }
    )


def around(**more: Any) -> Surroundings:
    ports = itertools.count(20_000)
    return Surroundings(Path("/run/planned"), Path("/state"), lambda: next(ports), **more)


def option(part: Part, name: str) -> str:
    return part.command[part.command.index(name) + 1]


def endpoints(plan: Plan) -> list[str]:
    return [where for part in plan.parts for where in part.sockets.values()]


def test_paper_has_an_exchange_for_each_and_processes_for_each_account() -> None:
    plan = plan_paper(strategy(), around())
    assert [each.name for each in plan.parts] == [
        "exchange-binance-usdm",
        "exchange-coinbase-spot",
        "quotes",
        "watchdog-a",
        "watchdog-b",
        "watchdog-c",
        "handler-a",
        "handler-b",
        "handler-c",
        "chain",
        "lp-agent",
        "maker",
        "positions",
    ]
    usdm, coinbase = plan.parts[:2]
    accounts = [b for a, b in itertools.pairwise(usdm.command) if a == "--account"]
    assert accounts == ["a", "b"]
    assert option(usdm, "--product") == "ETHUSDC"
    # Coinbase has one book for dollar and USDC.
    assert option(coinbase, "--product") == "ETH-USD"
    assert plan.part("handler-b").needs == ("exchange-binance-usdm", "quotes", "watchdog-b")
    assert option(plan.part("handler-b"), "--keys") == "/state/keys/binance-usdm/b"
    assert option(plan.part("watchdog-b"), "--keys") == "/state/keys/binance-usdm/b-2"
    assert plan.part("positions").needs == ("quotes", "handler-a", "handler-b", "handler-c")
    keys = [b for a, b in itertools.pairwise(plan.part("positions").command) if a == "--keys"]
    assert keys[1] == "b=/state/keys/binance-usdm/b-3"
    assert option(plan.part("watchdog-b"), "--orders") == plan.part("handler-b").sockets["publish"]


def test_on_paper_the_pool_is_on_a_chain_of_its_own_that_follows_the_quotes_at_the_same_pace() -> (
    None
):
    plan = plan_paper(strategy(), around(), World(seed=3, rate=6.0))
    chain, agent = plan.part("chain"), plan.part("lp-agent")
    assert option(chain, "--quotes") == plan.part("quotes").sockets["publish"]
    assert (option(chain, "--rate"), option(chain, "--seed")) == ("6", "3")
    assert option(agent, "--chain") == f"paper://{option(chain, '--socket')}"
    assert option(agent, "--block-time") == "2"
    assert (chain.needs, agent.needs) == (("quotes",), ("chain",))
    assert chain.restart.most == 0


def test_sockets_and_ports_are_each_given_once_and_the_sockets_are_in_the_private_folder() -> None:
    plan = plan_paper(strategy(), around())
    assert len(set(endpoints(plan))) == len(endpoints(plan))
    assert all(each.startswith("ipc:///run/planned/") for each in endpoints(plan))
    healths = [each.health for each in plan.parts] + [plan.page]
    assert len(set(healths)) == len(healths)


def test_the_manifest_on_paper_differs_only_in_where_the_venues_are() -> None:
    live = strategy(
        [{**each, "credentials": {"secretRef": {"name": each["name"]}}} for each in TWO_ACCOUNTS],
        mode="live",
        wallet={"secretRef": {"name": "wallet"}},
        limits={"maxNetBase": "20", "maxDrawdownBps": 1000, "maxVenueBase": "4"},
    )
    plan = plan_paper(live, around())
    assert plan.written is not None
    read = load_manifest(plan.written)
    assert read.spec.mode == "paper"
    for before, after in zip(live.spec.venues, read.spec.venues, strict=True):
        assert after.endpoints.rest == f"http://{plan.part(f'exchange-{after.exchange}').health}"
        assert before.account == after.account
        assert before.model_copy(update={"endpoints": after.endpoints}) == after
    same = {"mode": "paper", "venues": ()}
    assert live.spec.model_copy(update=same) == read.spec.model_copy(update=same)


def test_venues_with_the_same_keys_are_one_account_and_have_one_handler() -> None:
    keys = {"credentials": {"secretRef": {"name": "one"}}}
    venues = [
        {"name": "a", "exchange": "binance-usdm", "symbol": "ETHUSDC", **keys},
        {"name": "b", "exchange": "binance-usdm", "symbol": "ETHUSDT", **keys},
    ]
    plan = plan_paper(strategy(venues), around())
    assert [each.name for each in plan.parts if each.role is Role.HANDLER] == ["handler-a"]
    assert plan.part("handler-a").venues == ("a", "b")
    assert plan.written is not None
    assert len(account_venues(load_manifest(plan.written), "a")) == 2
    products = [b for a, b in itertools.pairwise(plan.parts[0].command) if a == "--product"]
    assert products == ["ETHUSDC", "ETHUSDT"]


def test_a_recording_is_played_under_the_venues_own_symbol_at_the_rate() -> None:
    recordings = (
        Recording("a", Path("/one"), "ETHUSDT"),
        Recording("a", Path("/two"), "ETHUSDT"),
    )
    plan = plan_paper(strategy(), around(), World(3, 60.0, recordings))
    usdm, coinbase = plan.parts[:2]
    assert option(usdm, "--product") == "ETHUSDC=ETHUSDT"
    assert [b for a, b in itertools.pairwise(usdm.command) if a == "--recording"] == [
        "/one",
        "/two",
    ]
    assert option(usdm, "--speed") == "60"
    assert "--recording" not in coinbase.command
    assert option(coinbase, "--rate") == "1200"
    assert option(coinbase, "--seed") == "3"


def test_spot_accounts_begin_in_the_middle_of_their_limit() -> None:
    plan = plan_paper(strategy(limits={"maxVenueBase": "15", "maxNetBase": "9"}), around())
    assert option(plan.parts[0], "--base") == "4.5"
    assert option(plan_paper(strategy(), around()).parts[0], "--base") == "1"


@pytest.mark.parametrize(
    ("venues", "world", "words"),
    [
        ([], World(), "spec.venues: is empty"),
        (
            [{"name": "a", "exchange": "kraken-spot", "symbol": "ETHUSDC"}],
            World(),
            "spec.venues[0].symbol: kraken-spot has no product like 'ETHUSDC'; try ETH/USDC",
        ),
        (None, World(recordings=(Recording("z", Path("/x")),)), "spec.venues: has no 'z'"),
        (
            [
                {"name": "a", "exchange": "binance-usdm", "symbol": "ETHUSDC"},
                {"name": "b", "exchange": "binance-usdm", "symbol": "ETHUSDT"},
            ],
            World(recordings=(Recording("a", Path("/x")),)),
            "spec.venues[1]: binance-usdm plays the recording given for a: say which product",
        ),
    ],
)
def test_what_cannot_be_on_paper_is_refused_by_the_name_of_the_field(
    venues: list[dict[str, Any]] | None, world: World, words: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        plan_paper(strategy(venues), around(), world)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["a", "=file", "a=", ":x=file"])
def test_data_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="VENUE=FILE"):
        Recording.read(text)


def test_data_may_name_the_product_of_the_recording() -> None:
    found = Recording.read("a:ETH/USD=/x/y=z")
    assert (found.venue, found.product, found.path) == ("a", "ETH/USD", Path("/x/y=z"))


def live(**spec: Any) -> Strategy:
    venues = [
        {**each, "credentials": {"secretRef": {"name": f"secret-{each['name']}"}}}
        for each in TWO_ACCOUNTS
    ]
    given = {
        "mode": "live",
        "wallet": {"secretRef": {"name": "wallet"}},
        "limits": {"maxNetBase": "20", "maxDrawdownBps": 1000},
        **spec,
    }
    return strategy(venues, **given)


def keys(*names: str) -> frozenset[str]:
    return frozenset(f"ALP_{name}_{what}" for name in names for what in ("KEY", "PRIVATE_KEY_FILE"))


EVERYBODY = keys("A", "B", "C", "A_WATCHDOG", "B_WATCHDOG", "C_WATCHDOG")


def test_a_run_has_no_exchange_reads_the_manifest_itself_and_parts_see_only_their_keys() -> None:
    plan = plan_run(live(), around(variables=EVERYBODY | {"ALP_LOG_LEVEL"}))
    assert plan.parts[0].name == "quotes"
    assert not [each for each in plan.parts if each.role is Role.EXCHANGE]
    assert plan.written is None
    assert plan.part("quotes").environment == ()
    assert plan.part("handler-a").environment == ("ALP_A_KEY", "ALP_A_PRIVATE_KEY_FILE")
    assert "ALP_A_WATCHDOG_KEY" in plan.part("watchdog-a").environment
    assert "--keys" not in plan.part("handler-a").command


def test_a_run_with_mounted_secrets_names_their_folders() -> None:
    place = around(secrets=Path("/run/secrets"), is_folder=lambda _: True)
    plan = plan_run(live(), place)
    assert option(plan.part("handler-a"), "--keys") == "/run/secrets/secret-a"
    assert option(plan.part("watchdog-a"), "--keys") == "/run/secrets/secret-a-watchdog"


def test_a_run_without_keys_says_which_and_where_they_would_be() -> None:
    with pytest.raises(ManifestError) as caught:
        plan_run(live(), around(variables=keys("A", "B", "A_WATCHDOG", "B_WATCHDOG")))
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "spec.venues[2].credentials: there are no keys: set ALP_C_KEY" in lines[0]
    assert "keys for its watchdog: set ALP_C_WATCHDOG_KEY" in lines[1]
    with pytest.raises(ManifestError) as caught:
        plan_run(live(), around(secrets=Path("/s"), is_folder=lambda _: False), watched=False)
    assert "a folder /s/secret-a" in str(caught.value)


def test_a_run_without_watchdogs_says_what_that_means() -> None:
    plan = plan_run(live(), around(variables=keys("A", "B", "C")), watched=False)
    assert not [each for each in plan.parts if each.role is Role.WATCHDOG]
    assert plan.part("handler-a").needs == ("quotes",)
    assert any("without a watchdog" in each for each in plan.notes)


def test_a_run_on_paper_wants_to_be_told_where_the_simulated_venues_are() -> None:
    with pytest.raises(ManifestError) as caught:
        plan_run(strategy(TWO_ACCOUNTS[:1]), around(variables=EVERYBODY))
    assert "spec.venues[0].endpoints: spec.mode is paper" in str(caught.value)


def test_a_shadow_only_listens() -> None:
    plan = plan_run(strategy(mode="shadow"), around())
    assert [each.name for each in plan.parts] == ["quotes"]
    assert any("nothing is sent" in each for each in plan.notes)


def test_whatever_wants_orders_is_stopped_first_and_the_watchdog_last_but_the_world() -> None:
    plan = plan_paper(strategy(TWO_ACCOUNTS[:1]), around())
    assert [[each.name for each in group] for group in plan.stopping()] == [
        ["maker"],
        ["lp-agent"],
        ["handler-a"],
        ["positions"],
        ["quotes"],
        ["watchdog-a"],
        ["exchange-binance-usdm", "chain"],
    ]
    assert not any("nothing here decides" in each for each in plan.notes)


def test_the_maker_knows_every_handler_and_whether_the_lp_leg_is_told() -> None:
    plan = plan_paper(strategy(hedge={"enabled": True}), around())
    maker = plan.part("maker")
    assert maker.needs == ("quotes", "handler-a", "handler-b", "handler-c")
    told = [b for a, b in itertools.pairwise(maker.command) if a == "--handler"]
    for each in ("a", "b", "c"):
        sockets = plan.part(f"handler-{each}").sockets
        assert f"{each}={sockets['commands']},{sockets['publish']}" in told
    assert option(maker, "--lp") == plan.part("lp-agent").sockets["publish"]
    limits = {"maxNetBase": "20", "maxDrawdownBps": 1000}
    limits |= {"maxVenueBase": "4", "maxOrderNotional": "20000"}
    real = plan_run(live(hedge={"enabled": True}, limits=limits), around(variables=EVERYBODY))
    assert "--without-lp" in real.part("maker").command
    assert any("the venues' inventory counts alone" in each for each in real.notes)


def test_a_handler_has_longer_to_stop_than_it_may_take_to_cancel() -> None:
    plan = plan_paper(strategy(execution={"stopWithin": "90s"}), around())
    assert plan.part("handler-a").stop_s > 90


def test_a_plan_is_printed_for_people_and_as_json_without_a_secret() -> None:
    plan = plan_paper(strategy(), around(), json_logs=True)
    assert json.loads(json.dumps(plan.as_dict()))["parts"][2]["command"][:4] == [
        "alp",
        "--log-format",
        "json",
        "quote-server",
    ]
    text = plan.text()
    order = "maker; lp-agent; handler-a, handler-b, handler-c; positions; quotes; watchdog-a"
    assert f"stopped in this order: {order}" in text
    assert "started again, 5 times within 300 s, but not after exit status 2, 3, 4, 6" in text
    assert "if it ends by itself: everything is stopped" in text


def test_a_folder_that_is_too_deep_for_sockets_is_refused() -> None:
    deep = Surroundings(Path("/run") / ("x" * 100), Path("/state"), lambda: 1)
    with pytest.raises(ConfigError, match="a socket's path has at most"):
        plan_paper(strategy(), deep)


def test_parts_that_do_not_fit_together_are_a_fault_of_the_plan() -> None:
    part = Part("a", Role.QUOTES, (), "127.0.0.1:1", needs=("b",))
    with pytest.raises(ConfigError, match="a needs b"):
        Plan("x", "paper", (part,), "", None, (), "", "")
    twice = Part("a", Role.QUOTES, (), "127.0.0.1:1", restart=Restart())
    with pytest.raises(ConfigError, match="two parts are called a"):
        Plan("x", "paper", (twice, twice), "", None, (), "", "")
