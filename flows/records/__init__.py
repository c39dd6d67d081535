"""What lives years: the bank's clients, what they have proven, and the audit log. SQLite or PostgreSQL."""
