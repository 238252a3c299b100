create index balance_reading_provider on balance_reading (provider, read_at);
create index ledger_entry_provider on ledger_entry (provider, happened_at);
