-- What browsers show where they cannot show the original; of clips it is made after they have arrived.
alter table asset add column proxy_key text;

alter table asset add column needs_proxy boolean;
