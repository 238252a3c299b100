-- What people say of a submission lies beside what the engine knows of it.
alter table generation add column task_id text;
alter table generation add column since timestamptz;
alter table generation add column attention text;
alter table generation add column decision text;
alter table generation add column turn integer default 0;
alter table generation add column asked_at timestamptz;
alter table generation add column is_batch boolean default false;
update generation set since = updated_at, turn = 0, is_batch = false, attention = case when state <> 'ATTENTION' then null
    when error_code = 'late' then 'LATE' when error_code = 'gone' then 'GONE' else 'LOST' end;
