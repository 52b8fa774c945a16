"""Journeys that several tests run."""

SAMPLE = """
journey: sample
entry: {event: Sample Started}
re_entry: always
defaults: {transactional: true}
steps:
  - id: hello
    email: {subject: Hello, text: "Hello {{ contact.first_name | default: 'you' }}"}
  - {id: pause, wait: 2s}
  - id: opened
    branch:
      - name: "yes"
        if: {message: hello, is: opened}
        then: [{id: warm, sms: {text: Warm}}]
      - else: [{id: cold, sms: {text: Cold}}]
"""
"""Sample journey S: event entry → email → wait → branch (message opened?) → sms → end."""
