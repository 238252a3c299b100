create index batch_page on batch (project_id, created_at desc, id desc) where is_batch;
create index ledger_entry_batch on ledger_entry (batch_id) where batch_id is not null;
