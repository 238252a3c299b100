-- What people are told. `subject`: the comment or verdict it is about; nothing of their words is copied here. `in_app`:
-- whether the bell shows it. `mail_at`: when it goes out by mail; null when it need not, or has gone.
create table notification (
    id uuid primary key,
    user_id uuid not null,
    kind text not null check (kind in ('COMMENT', 'VERDICT', 'ATTENTION', 'BUDGET', 'BATCH', 'WEBHOOK')),
    project_id uuid,
    box_id uuid,
    asset_id uuid,
    batch_id uuid,
    subject_id uuid,
    n integer not null,
    facts json not null,
    in_app boolean not null,
    read_at timestamptz,
    mail_at timestamptz,
    mail_tries integer not null,
    happened_at timestamptz not null
);

-- What was looked at already and is told once: a comment, a take's need, a batch's end, a budget that is nearly used up.
create table notice_fact (
    kind text not null,
    subject text not null,
    happened_at timestamptz not null,
    primary key (kind, subject)
);

-- Which kind a person hears of by which way; a person without a row has the defaults.
create table notice_setting (
    user_id uuid primary key,
    channels json not null,
    digest text not null check (digest in ('SOON', 'HOURLY', 'DAILY')),
    updated_at timestamptz not null
);

-- Where a person has it posted. `sealed`: the address, which may be a key in itself, and the secret; `shown`: its host.
create table webhook (
    id uuid primary key,
    user_id uuid not null,
    name text not null,
    preset text not null check (preset in ('PLAIN', 'SLACK', 'DISCORD', 'TELEGRAM')),
    template text not null,
    sealed text not null,
    shown text not null,
    is_active boolean not null,
    last_ok_at timestamptz,
    last_error text,
    failing_since timestamptz,
    created_at timestamptz not null
);

-- One notification on its way to one webhook; gone when it has arrived or was given up.
create table delivery (
    id uuid primary key,
    webhook_id uuid not null,
    notification_id uuid not null,
    tries integer not null,
    next_at timestamptz not null
);

-- What was there before is no news.
insert into notice_fact select 'COMMENT', cast(id as text), created_at from comment;
insert into notice_fact select 'VERDICT', cast(id as text), created_at from verdict;
insert into notice_fact select 'ATTENTION', cast(id as text) || ':' || cast(coalesce(turn, 0) as text), updated_at
from generation where attention is not null;
insert into notice_fact select 'BATCH', cast(b.id as text) || ':' || coalesce(b.retry_token, ''), b.updated_at from batch b
where not exists (select 1 from asset a where a.batch_id = b.id and a.status in ('PENDING', 'PROCESSING'));
