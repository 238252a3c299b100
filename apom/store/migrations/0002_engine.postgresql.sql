create index generation_task on generation (provider, task_id) where task_id is not null;
