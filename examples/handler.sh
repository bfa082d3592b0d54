#!/bin/sh
# Accepts clients that give a name, and answers the event "ask" with the time.
while IFS= read -r line; do
  head=${line%%',"args":'*} # only the fields before "args": clients choose what is in args
  id=${head#'{"id":'} id=${id%%,*}
  case $head in
    *',"as":"'*',"event":"connect"') echo "{\"id\":$id,\"ack\":[]}" ;;
    *',"event":"connect"') echo "{\"id\":$id,\"deny\":\"give a name\"}" ;;
    *',"event":"ask"') echo "{\"id\":$id,\"ack\":[\"it is $(date +%H:%M)\"]}" ;;
  esac
done
