# For a snmptrapd with Perl in it: writes traps in the form that the manual of Zabbix shows for its own receiver.
# FOGBELL_TRAPS names the file; a line of dashes ends each.
use strict;
use warnings;

sub written {
    my ($pdu, $varbinds) = @_;
    open(my $out, '>>', $ENV{FOGBELL_TRAPS}) or die "cannot write: $!";
    print {$out} "PDU INFO:\n";
    printf {$out} "  %-30s %s\n", $_, $pdu->{$_} for grep { $pdu->{$_} =~ /^[[:print:]]*$/ } sort keys %$pdu;
    print {$out} "VARBINDS:\n";
    printf {$out} "  %-30s type=%-2d value=%s\n", $_->[0], $_->[2], $_->[1] for @$varbinds;
    print {$out} "----\n";
    close($out);
    return NETSNMPTRAPD_HANDLER_OK();
}

NetSNMP::TrapReceiver::register('all', \&written) or die 'cannot register';
