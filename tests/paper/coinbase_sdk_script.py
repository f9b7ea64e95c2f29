"""Run by the Python of coinbase-advanced-py: trades with it, and prints what it was told.

Arguments: URL of REST, URL of streams, name of the key, file of the private key.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from coinbase.rest import RESTClient
from coinbase.websocket import WSUserClient
from requests.adapters import HTTPAdapter

rest_url, stream_url, key, key_file = sys.argv[1:]
PATIENCE_S = 30.0


class Plain(HTTPAdapter):
    """The client knows only https."""

    def send(self, request: Any, *args: Any, **more: Any) -> Any:
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *args, **more)


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


secret = Path(key_file).read_text()
rest = RESTClient(api_key=key, api_secret=secret, base_url=urlsplit(rest_url).netloc)
rest.session.mount("https://", Plain())

statuses: list[str] = []
snapshot, news = threading.Event(), threading.Condition()


def hear(text: str) -> None:
    message = json.loads(text)
    if message["channel"] != "user":
        return
    for event in message["events"]:
        snapshot.set()
        with news:
            statuses.extend(order["status"] for order in event["orders"])
            news.notify_all()


def until(*wanted: str) -> None:
    with news:
        assert news.wait_for(lambda: statuses[-len(wanted) :] == list(wanted), PATIENCE_S), statuses


user = WSUserClient(api_key=key, api_secret=secret, on_message=hear, base_url=stream_url)
user.open()
user.subscribe(product_ids=["ETH-USDC"], channels=["heartbeats", "user"])
assert snapshot.wait(PATIENCE_S)

wallets = {each["currency"]: each for each in rest.get_accounts(limit=250)["accounts"]}
tell(usdc=wallets["USDC"]["available_balance"]["value"])
placed = rest.limit_order_gtc_buy("sdk-1", "ETH-USDC", "1", "1998.5", post_only=True)
name = placed["success_response"]["order_id"]
assert rest.preview_edit_order(name, size="1", price="1999")["errors"] == []
assert rest.edit_order(name, size="1", price="1999")["success"]
until("PENDING", "OPEN", "OPEN")
statuses.pop()  # what an edit adds is another test's
tell(rests=name)
until("PENDING", "OPEN", "FILLED")
fills = rest.get_fills(order_ids=[name])["fills"]
tell(fills=[[each["price"], each["size"], each["liquidity_indicator"]] for each in fills])

crossing = rest.limit_order_gtc_buy("sdk-2", "ETH-USDC", "1", "2001", post_only=True)
tell(crossing=crossing["error_response"]["new_order_failure_reason"])
second = rest.limit_order_gtc_sell("sdk-3", "ETH-USDC", "1", "2005")
name = second["success_response"]["order_id"]
until("PENDING", "OPEN")
assert rest.cancel_orders([name])["results"][0]["success"]
until("CANCEL_QUEUED", "CANCELLED")
assert rest.get_order(name)["order"]["status"] == "CANCELLED"
assert rest.get_api_key_permissions()["can_trade"]
tell(statuses=statuses)
user.close()
