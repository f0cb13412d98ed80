"""uvicorn's HTTP, which waits for a request for ever, with an end to that."""

from required import required, required_module


def protocol(head_seconds):
    """A class of uvicorn's that closes a connection whose request does not show its whole head in time."""
    import h11

    h11_impl = required_module("uvicorn.protocols.http.h11_impl", "uvicorn")
    H11Protocol = required(h11_impl, "H11Protocol", "uvicorn")
    # asyncio itself calls the others.
    required(H11Protocol, "on_response_complete", "uvicorn")

    class Protocol(H11Protocol):
        head_timer = None

        def connection_made(self, transport):
            super().connection_made(transport)
            self.watch_head(begun=True)

        def data_received(self, data):
            super().data_received(data)
            self.watch_head()

        def on_response_complete(self):
            super().on_response_complete()
            self.watch_head()

        def connection_lost(self, error):
            self.forget_head()
            super().connection_lost(error)

        def watch_head(self, begun=False):
            """A kept connection may be silent for long: the time runs from the first byte of its next request."""
            if self.conn.their_state is not h11.IDLE:
                self.forget_head()
            elif self.head_timer is None and (begun or self.conn.trailing_data[0]):
                self.head_timer = self.loop.call_later(head_seconds, self.give_up)

        def forget_head(self):
            if self.head_timer:
                self.head_timer.cancel()
            self.head_timer = None

        def give_up(self):
            self.head_timer = None
            if not self.transport.is_closing():
                self.transport.close()

    return Protocol
