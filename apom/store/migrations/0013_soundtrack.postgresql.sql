alter table round add foreign key (soundtrack_asset_id) references asset deferrable initially deferred;
create index round_soundtrack on round (soundtrack_asset_id) where soundtrack_asset_id is not null;
