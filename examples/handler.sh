#!/bin/sh
# Lets in whoever says a name, and answers "ask" with the time.
while IFS= read -r line; do
  head=${line%%',"args":'*} # the names; what peers wrote as they liked comes behind them
  id=${head#'{"id":'} id=${id%%,*}
  case $head in
    *',"as":"'*',"event":"connect"') echo "{\"id\":$id,\"ack\":[]}" ;;
    *',"event":"connect"') echo "{\"id\":$id,\"deny\":\"say who you are\"}" ;;
    *',"event":"ask"') echo "{\"id\":$id,\"ack\":[\"it is $(date +%H:%M)\"]}" ;;
  esac
done
