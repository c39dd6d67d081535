"""The proof of a flow: every state that its dialogue can come to, in the pure core, held to what was promised.

`search.py` walks them, breadth first, `claims.py` says what must hold. `bank.py` answers what a step asks, in each
possible way; `given.py` is what people, upstreams and time bring; `keys.py` says which states are the same.
"""
