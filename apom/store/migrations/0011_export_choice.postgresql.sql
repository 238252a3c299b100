alter table export_choice add foreign key (user_id) references app_user (id) deferrable initially deferred;
