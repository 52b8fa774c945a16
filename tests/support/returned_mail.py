"""Mail as other servers write it about a message of ours: reports (RFC 3464, RFC 5965), replies."""

DSN = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: Sun, 02 Nov 2025 09:00:00 +0000
Message-ID: <20251102090000.1@mx.example.net>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

I am sorry.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Sun, 02 Nov 2025 08:59:58 +0000

Final-Recipient: rfc822; ann@example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <ann@example.com>: no such
 user here

--b1
Content-Type: {returned}

{inner}
--b1--
"""
ORIGINAL = """\
From: Shop <shop@example.com>
To: ann@example.com
Subject: Hello
X-Parcours-Message: {message}

Hello Ann
"""
ARF = """\
From: <abusedesk@example.com>
To: {to}
Subject: FW: Hello
Date: Sun, 02 Nov 2025 09:00:00 +0000
Message-ID: <arf.1@example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b1"

--b1
Content-Type: text/plain

This is an email abuse report.

--b1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <ann@example.com>

--b1
Content-Type: message/rfc822

{inner}
--b1--
"""
REPLY = """\
From: Ann <ann@example.com>
To: {to}
Subject: =?utf-8?q?Re=3A_H=C3=A9llo?=
Date: Sun, 02 Nov 2025 10:00:00 +0100
Message-ID: <reply.1@example.com>
In-Reply-To: <{message}@example.com>
{header}Content-Type: text/plain; charset=utf-8

Yes, I would like that.

On Sun, 2 Nov 2025 at 09:00, Shop <shop@example.com> wrote:
> Hello Ann
"""
