"""Journeys that several tests run."""

SAMPLE = """
journey: sample
entry: {event: Sample Started}
re_entry: always
steps:
  - {id: hello, email: {subject: Hello, text: "Hello {{ contact.first_name | default: 'you' }}", transactional: true}}
  - {id: pause, wait: 2s}
  - id: opened
    branch:
      - {name: "yes", if: {message: hello, is: opened}, then: [{id: warm, sms: {text: Warm, transactional: true}}]}
      - else: [{id: cold, sms: {text: Cold, transactional: true}}]
"""
"""Sample journey S: event entry → email → wait 2 s → branch (message opened?) → sms → end."""
