"""The core of Shinos: flows of steps that tell who a client is. See ARCHITECTURE.md for its floors."""
